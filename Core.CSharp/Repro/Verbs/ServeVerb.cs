using System.CommandLine;
using System.Globalization;
using System.Net;
using Repro.Serving;
using Reproduction;

namespace Repro.Verbs;

/// <summary><c>repro serve</c>: a model behind HTTP, with a page.</summary>
internal static class ServeVerb
{
    private const string Description =
        "Serve a model: a page to drop photographs on at /, POST /score with a picture as the body for programs, /health, and /metrics in "
        + "Prometheus' format. It listens on this machine only unless --host says otherwise, and knows no passwords.";

    public static Command Create()
    {
        var model = RunOptions.Required("--model", "What 'repro fit' or 'repro export' wrote.", "MODEL");
        var weights = RunOptions.Weights();
        var device = RunOptions.Device();
        var engine = RunOptions.Engine();
        var port = new Option<int>("--port")
        {
            Description = "Port; 0 for any that is free.",
            HelpName = "N",
            DefaultValueFactory = _ => 8080,
        };
        port.Validators.Add(result =>
        {
            // What is no number at all the parser refuses itself.
            if (
                result.Tokens is [var token]
                && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var value)
                && value is < 0 or > ushort.MaxValue
            )
            {
                result.AddError($"--port: a number from 0 to {ushort.MaxValue}");
            }
        });
        var host = new Option<string>("--host")
        {
            Description = "Address to listen on: 127.0.0.1 is this machine alone, 0.0.0.0 every network that it is in.",
            HelpName = "ADDRESS",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var megabytes = new Option<int>("--max-megabytes")
        {
            Description = "Greatest size of a picture's file.",
            HelpName = "N",
            DefaultValueFactory = _ => 32,
        }.AtLeast(1);
        var keep = new Option<int>("--keep")
        {
            Description = "Pictures that the page shows and links reach; older ones are forgotten.",
            HelpName = "N",
            DefaultValueFactory = _ => 200,
        }.AtLeast(1);
        var command = new Command("serve", Description) { model, weights, device, engine, port, host, megabytes, keep };
        command.SetAction(
            async (parsed, cancellation) =>
            {
                var (print, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
                if (!IPAddress.TryParse(parsed.GetRequiredValue(host), out var address))
                {
                    throw new UserError($"--host {parsed.GetValue(host)}: give an address such as 127.0.0.1, 0.0.0.0 or ::1", exitCode: 2);
                }
                using var fitted = RunOptions.Load(
                    parsed.GetRequiredValue(model),
                    parsed.GetValue(weights),
                    parsed.GetRequiredValue(device),
                    parsed.GetRequiredValue(engine),
                    error
                );
                RunOptions.TellWeights(fitted.Description.Weights, print);
                var options = new ServerOptions(
                    address,
                    parsed.GetValue(port),
                    parsed.GetValue(megabytes) * 1_000_000L,
                    parsed.GetValue(keep)
                );
                await using var server = new Server(fitted, options);
                print.WriteLine($"listening on {await server.StartAsync()} (Ctrl-C ends it)");
                print.Flush();
                await server.WaitAsync(cancellation);
                return 0;
            }
        );
        return command;
    }
}
