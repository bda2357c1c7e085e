using System.Text;
using System.Text.Json;
using Repro.Serving;
using Reproduction;
using Reproduction.Data;

namespace Repro.Verbs;

/// <summary>A picture that a watch has judged, as a line of its journal.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Bytes">Of the file when it was judged.</param>
/// <param name="Modified">The file's time then, in ticks.</param>
/// <param name="Image">What was said of it.</param>
internal sealed record WatchedPicture(string Path, long Bytes, long Modified, ScoredImage Image);

/// <summary>
/// What a watch has judged, a line a picture: a picture is judged once its line is whole, so that a watch that was ended anyhow goes on
/// where it
/// was. Its first line names the model.
/// </summary>
internal sealed class WatchJournal : IDisposable
{
    private readonly FileStream _file;
    private readonly HashSet<(string, long, long)> _judged;

    private WatchJournal(FileStream file, IReadOnlyList<WatchedPicture> pictures) =>
        (_file, Pictures, _judged) = (file, pictures, [.. pictures.Select(Key)]);

    /// <summary>What former watches have judged.</summary>
    public IReadOnlyList<WatchedPicture> Pictures { get; }

    /// <summary>Opens a folder's journal, or begins it; no other watch can meanwhile.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model's file.</param>
    /// <exception cref="UserError">Another watch has it open, it is of another model, or it cannot be read or written.</exception>
    public static WatchJournal Open(string path, string model)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var content = new byte[file.Length];
            file.ReadExactly(content);
            // A line without its end was cut off with the process that wrote it.
            var whole = content.AsSpan().LastIndexOf((byte)'\n') + 1;
            file.SetLength(whole);
            file.Position = whole;
            var lines = Encoding.UTF8.GetString(content, 0, whole).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            var head = SampleImages.HashOfFile(model);
            if (lines.Length == 0)
            {
                var begun = new WatchJournal(file, []);
                begun.Write(head);
                return begun;
            }
            if (JsonSerializer.Deserialize<string>(lines[0], ResultPage.Json) != head)
            {
                throw new UserError($"{path}: was begun with another model than {model}; give another folder with --out", exitCode: 2);
            }
            return new WatchJournal(
                file,
                [
                    .. lines[1..]
                        .Select(line => JsonSerializer.Deserialize<WatchedPicture>(line, ResultPage.Json) ?? throw new JsonException()),
                ]
            );
        }
        catch (Exception failure)
        {
            file?.Dispose();
            throw failure switch
            {
                JsonException => new UserError($"{path}: is no journal of 'repro watch'; give another folder with --out", failure),
                IOException or UnauthorizedAccessException => new UserError(
                    $"{path}: cannot be opened ({failure.Message}); is another 'repro watch' writing there?",
                    failure
                ),
                _ => failure,
            };
        }
    }

    /// <summary>Whether a file has been judged as it is now.</summary>
    public bool Knows(string path, long bytes, long modified) => _judged.Contains((path, bytes, modified));

    /// <summary>Adds pictures, safely on the disk.</summary>
    /// <exception cref="UserError">The disk is full.</exception>
    public void Add(IEnumerable<WatchedPicture> pictures)
    {
        foreach (var picture in pictures)
        {
            Write(picture);
            _judged.Add(Key(picture));
        }
        _file.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Write<T>(T line)
    {
        try
        {
            _file.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, ResultPage.Json), (byte)'\n']);
        }
        catch (IOException failure)
        {
            throw new UserError($"cannot write {_file.Name}: {failure.Message} Free some space and run the same command again.", failure);
        }
    }

    private static (string, long, long) Key(WatchedPicture picture) => (picture.Path, picture.Bytes, picture.Modified);
}
