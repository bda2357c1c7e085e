using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Reproduction;

/// <summary>The processor that the program runs on, as Linux describes it in <c>/proc/cpuinfo</c>.</summary>
public static class Processor
{
    private const string Information = "/proc/cpuinfo";

    // What a library chooses its instructions and block sizes by: x86's words, then ARM's.
    private static readonly string[] Properties =
    [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "cache size",
        "flags",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
        "CPU revision",
        "Features",
    ];

    private static readonly Lazy<(string Name, string Hash)> Read = new(() =>
    {
        var found = Lines();
        var name =
            found.FirstOrDefault(line => line.Property == "model name").Value
            ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
            ?? RuntimeInformation.ProcessArchitecture.ToString();
        var text = string.Join('\n', found.Select(line => $"{line.Property}: {line.Value}").Prepend(name));
        return (name, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16]);
    });

    /// <summary>The processor's name; its architecture where the system tells no more.</summary>
    public static string Name => Read.Value.Name;

    /// <summary>A hash of its model, stepping, cache size and every feature that it has: 16 hexadecimal digits.</summary>
    public static string Hash => Read.Value.Hash;

    /// <summary>The properties of the first core.</summary>
    private static List<(string Property, string Value)> Lines()
    {
        if (!File.Exists(Information))
        {
            return [];
        }
        return
        [
            .. File.ReadLines(Information)
                .TakeWhile(line => line.Length > 0)
                .Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries))
                .Where(parts => parts.Length == 2 && Properties.Contains(parts[0]))
                .Select(parts => (parts[0], parts[1])),
        ];
    }
}
