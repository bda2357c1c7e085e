using System.Diagnostics;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Serving;

/// <summary>How a server is set up.</summary>
/// <param name="Address">Where it listens.</param>
/// <param name="Port">0 for any that is free.</param>
/// <param name="MostBytes">Of a picture's file.</param>
/// <param name="Kept">How many pictures the page shows and the links reach.</param>
internal sealed record ServerOptions(IPAddress Address, int Port, long MostBytes, int Kept);

/// <summary>
/// A model behind HTTP. <c>POST /score</c> takes a picture's bytes (or a form with files) and answers with score, verdict, regions and
/// links;
/// <c>/</c> is the page of results with a place to drop photographs, <c>/results</c> its data, <c>/health</c> and <c>/metrics</c>
/// (Prometheus) are for machines. Every failure is one JSON object with <c>error</c>.
/// </summary>
internal sealed class Server : IAsyncDisposable
{
    /// <summary>For programs: an apostrophe stays one.</summary>
    private static readonly JsonSerializerOptions Plain = new(ResultPage.Json) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Model _model;
    private readonly ServerOptions _options;
    private readonly ScoredPictures _pictures;
    private readonly ServerMetrics _metrics = new();
    private readonly Stopwatch _up = Stopwatch.StartNew();
    private readonly WebApplication _application;

    /// <param name="model">Stays the caller's.</param>
    /// <param name="options">Where and how much.</param>
    public Server(Model model, ServerOptions options)
    {
        (_model, _options, _pictures) = (model, options, new ScoredPictures(options.Kept));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Address, options.Port);
            kestrel.Limits.MaxRequestBodySize = options.MostBytes;
            kestrel.AddServerHeader = false;
        });
        builder.Services.AddRoutingCore();
        _application = builder.Build();
        _application.UseRouting();
        _application.MapPost("/score", Answered(ScoreAsync));
        _application.MapGet("/", context => TextAsync(context, "text/html; charset=utf-8", Page()));
        _application.MapGet("/results", context => JsonAsync(context, Data()));
        _application.MapGet("/health", context => JsonAsync(context, Health()));
        _application.MapGet(
            "/metrics",
            context => TextAsync(context, "text/plain; version=0.0.4; charset=utf-8", _metrics.Text(_model.Description))
        );
        _application.MapGet("/photographs/{id:long}.jpg", context => PictureAsync(context, picture => picture.Photograph));
        _application.MapGet("/overlays/{id:long}.jpg", context => PictureAsync(context, picture => picture.Overlay));
        _application.MapFallback(context =>
            RefuseAsync(context, 404, $"{context.Request.Method} {context.Request.Path}: there is nothing here")
        );
    }

    /// <summary>Begins to listen.</summary>
    /// <returns>Its address, with the port that was taken.</returns>
    /// <exception cref="UserError">The port is taken or may not be used.</exception>
    public async Task<Uri> StartAsync()
    {
        try
        {
            await _application.StartAsync();
        }
        catch (Exception failure) when (failure is IOException or System.Net.Sockets.SocketException)
        {
            throw new UserError(
                $"cannot listen on {_options.Address} port {_options.Port}: {failure.Message.TrimEnd('.')}; give another "
                    + "with --port (0 for any that is free)",
                failure
            );
        }
        return new Uri(_application.Urls.First());
    }

    /// <summary>Runs until it is told to stop: Ctrl-C, SIGTERM, or the token.</summary>
    public Task WaitAsync(CancellationToken cancellation) => _application.WaitForShutdownAsync(cancellation);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task ScoreAsync(HttpContext context)
    {
        var request = context.Request;
        // Programs that say nothing of the body's type send one of a web form's, such as curl.
        if (request.ContentType?.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) != true)
        {
            var name = request.Query["name"].FirstOrDefault(given => !string.IsNullOrWhiteSpace(given)) ?? "picture";
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, context.RequestAborted);
            await JsonAsync(context, Scored(name, body.ToArray()));
            return;
        }
        var form = await request.ReadFormAsync(new FormOptions { MultipartBodyLengthLimit = _options.MostBytes }, context.RequestAborted);
        if (form.Files.Count == 0)
        {
            throw new UserError("the form has no file; send a picture as the request's body, or files in a form");
        }
        var answers = new List<object>();
        foreach (var file in form.Files)
        {
            using var body = new MemoryStream();
            await file.CopyToAsync(body, context.RequestAborted);
            try
            {
                answers.Add(Scored(file.FileName, body.ToArray()));
            }
            catch (UserError failure) when (form.Files.Count > 1)
            {
                // The others have their verdicts.
                answers.Add(new { name = file.FileName, error = CommandLine.Describe(failure) });
            }
        }
        await JsonAsync(context, answers.Count == 1 ? answers[0] : answers);
    }

    /// <summary>Judges a picture.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    private Answer Scored(string name, byte[] file)
    {
        var timer = Stopwatch.StartNew();
        try
        {
            if (file.Length == 0)
            {
                throw new UserError($"{name}: is empty; send a picture's bytes as the request's body");
            }
            var judgement = _model.Score(ImageFile.Decode(file, name, _model.Description.White).ToRgb());
            var picture = _pictures.Add(name, judgement);
            _metrics.Judged(judgement.Verdict, timer.Elapsed);
            return Answer.Of(picture, judgement.Threshold, timer.Elapsed);
        }
        catch (UserError)
        {
            _metrics.Judged(Verdict.Unreadable, timer.Elapsed);
            throw;
        }
    }

    /// <summary>A request to score, whose failures are told in one way and counted.</summary>
    private RequestDelegate Answered(RequestDelegate work) =>
        async context =>
        {
            try
            {
                await work(context);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // Whoever asked is gone.
            }
            catch (BadHttpRequestException failure)
            {
                var problem =
                    failure.StatusCode == StatusCodes.Status413PayloadTooLarge
                        ? $"the picture has more than {_options.MostBytes} bytes; send a smaller one, or start with --max-megabytes"
                        : failure.Message;
                await RefuseAsync(context, failure.StatusCode, problem);
            }
            catch (Exception failure) when (failure is UserError or InvalidDataException)
            {
                await RefuseAsync(context, StatusCodes.Status422UnprocessableEntity, OptionNames.In(failure.Message));
            }
            _metrics.Answered(context.Response.StatusCode);
        };

    private Task PictureAsync(HttpContext context, Func<ScoredPicture, byte[]?> bytes)
    {
        var id = long.Parse((string)context.GetRouteValue("id")!, System.Globalization.CultureInfo.InvariantCulture);
        if (_pictures.Find(id) is not { } picture || bytes(picture) is not { } jpeg)
        {
            return RefuseAsync(context, 404, $"picture {id} is not there; the last {_options.Kept} are kept");
        }
        context.Response.ContentType = "image/jpeg";
        // A number is never given twice while the server runs, but again by the next one.
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.Body.WriteAsync(jpeg).AsTask();
    }

    private PageData Data() => new(PageModel.Of(_model.Description), 1, _pictures.Results(), null);

    private string Page() => ResultPage.WithUpload(Data());

    private object Health() =>
        new
        {
            status = "ok",
            _model.Description.Method,
            _model.Description.Variant,
            _model.Engine,
            UptimeSeconds = Math.Round(_up.Elapsed.TotalSeconds, 1),
        };

    private static Task RefuseAsync(HttpContext context, int status, string problem)
    {
        context.Response.StatusCode = status;
        return JsonAsync(context, new { error = problem });
    }

    private static Task JsonAsync(HttpContext context, object value) =>
        TextAsync(context, "application/json; charset=utf-8", JsonSerializer.Serialize(value, Plain));

    private static Task TextAsync(HttpContext context, string type, string text)
    {
        context.Response.ContentType = type;
        return context.Response.WriteAsync(text);
    }

    /// <summary>What a picture's sender gets.</summary>
    /// <param name="Id">Of the links.</param>
    /// <param name="Name">As it was sent.</param>
    /// <param name="Score">In the model's unit.</param>
    /// <param name="RawScore">As the method defines it.</param>
    /// <param name="Threshold">In the model's unit.</param>
    /// <param name="Verdict">good or defective.</param>
    /// <param name="Regions">Above the pixel threshold, the largest first.</param>
    /// <param name="Width">Of the picture.</param>
    /// <param name="Height">Of the picture.</param>
    /// <param name="Milliseconds">From its bytes to the verdict, waiting and drawing included.</param>
    /// <param name="Photograph">A link.</param>
    /// <param name="Overlay">A link; null for a method that localises nothing.</param>
    private sealed record Answer(
        long Id,
        string Name,
        float? Score,
        float? RawScore,
        float Threshold,
        Verdict Verdict,
        IReadOnlyList<AnomalyRegion> Regions,
        int Width,
        int Height,
        double Milliseconds,
        string? Photograph,
        string? Overlay
    )
    {
        public static Answer Of(ScoredPicture picture, float threshold, TimeSpan elapsed)
        {
            var result = picture.Result;
            return new Answer(
                picture.Id,
                result.Name,
                result.Score,
                result.Raw,
                threshold,
                picture.Verdict,
                result.Regions,
                result.Width,
                result.Height,
                Math.Round(elapsed.TotalMilliseconds, 2),
                result.Photograph,
                result.Overlay
            );
        }
    }
}
