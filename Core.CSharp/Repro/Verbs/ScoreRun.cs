using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Repro.Serving;
using Reproduction;
using Reproduction.Imaging;
using Reproduction.Models;

namespace Repro.Verbs;

/// <summary>Judges photographs into a folder: scores.csv as it goes, pictures for the page, the page.</summary>
/// <param name="model">What judges.</param>
/// <param name="options">How.</param>
/// <param name="labels">What is known of the pictures; null for nothing.</param>
/// <param name="folder">Where it is written.</param>
internal sealed partial class ScoreRun(Model model, ScoreOptions options, ScoreLabels? labels, string folder)
{
    /// <summary>Pictures that are drawn at once.</summary>
    private const int Batch = 8;

    /// <summary>Characters of a picture's name in its heat map's: at most 4 bytes each, they stay far below a file system's 255.</summary>
    private const int LongestStem = 40;

    /// <summary>The folder of the photographs for the page, so that the heat maps are the only pictures beside scores.csv.</summary>
    private const string PhotographFolder = "photographs";

    private const string EvaluationFile = "evaluation.json";

    /// <summary>Judges all pictures; the rows stand in scores.csv as soon as their batch is done.</summary>
    /// <param name="photographs">What is judged.</param>
    /// <param name="print">For what came out.</param>
    /// <param name="stop">Ends it after the batch that is being judged; the page then shows the pictures so far.</param>
    public IReadOnlyList<ScoredImage> Judge(Photographs photographs, TextWriter print, CancellationToken stop)
    {
        var timer = Stopwatch.StartNew();
        var rows = new List<ScoredImage>();
        RemoveFormer();
        using (var table = new ScoreTable(Path.Combine(folder, "scores.csv"), labels is not null))
        {
            PrepareFolder();
            foreach (var batch in model.Score(photographs, options).Chunk(Batch))
            {
                var drawn = new ScoredImage[batch.Length];
                InParallel.For(batch.Length, i => drawn[i] = Drawn(batch[i], rows.Count + i));
                rows.AddRange(drawn);
                table.Add(drawn);
                if (stop.IsCancellationRequested)
                {
                    break;
                }
            }
        }
        var seconds = timer.Elapsed.TotalSeconds;
        var evaluation = LabelledScores.Of([.. rows.Select(row => (row.Page, row.IsDefective))]);
        AtomicFile.WriteText(
            Path.Combine(folder, "index.html"),
            ResultPage.Of(new PageData(PageModel.Of(model.Description), rows[0].Threshold, [.. rows.Select(row => row.Page)], evaluation))
        );
        Tell(rows, evaluation, seconds, print);
        return rows;
    }

    private void Tell(List<ScoredImage> rows, LabelledScores? evaluation, double seconds, TextWriter print)
    {
        print.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{rows.Count(row => row.Page.Reason is null)} images, {rows.Count(row => row.IsDefective)} judged defective, "
                    + $"{rows.Count / seconds:0.0} images/s"
            )
        );
        if (labels is not null)
        {
            Tell(evaluation, print);
        }
        print.WriteLine($"scores: {Path.GetFullPath(Path.Combine(folder, "scores.csv"))}");
        print.WriteLine($"page: {Path.GetFullPath(Path.Combine(folder, "index.html"))}");
    }

    private void Tell(LabelledScores? evaluation, TextWriter print)
    {
        if (evaluation is not { Confusion: var confusion })
        {
            print.WriteLine("labels: none of the pictures that were judged has one");
            return;
        }
        print.WriteLine(
            $"labels: of {confusion.FalsePositives + confusion.TrueNegatives} good {confusion.FalsePositives} judged defective, of "
                + $"{confusion.TruePositives + confusion.FalseNegatives} defective {confusion.TruePositives} found"
        );
        if (evaluation.Auroc is { } auroc)
        {
            print.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"AUROC {auroc:0.0000}, 95 % interval {evaluation.Lower:0.0000} to {evaluation.Upper:0.0000} (bootstrap)"
                )
            );
        }
        var file = Path.Combine(folder, EvaluationFile);
        AtomicFile.WriteText(file, JsonSerializer.Serialize(evaluation, SnakeCaseJson.Options) + "\n");
        print.WriteLine($"evaluation: {Path.GetFullPath(file)}");
    }

    /// <summary>An earlier run's pictures and evaluation, which would stand beside the new scores as if they were theirs.</summary>
    private void RemoveFormer()
    {
        if (!File.Exists(Path.Combine(folder, "scores.csv")))
        {
            return;
        }
        AtomicFile.Delete(Path.Combine(folder, EvaluationFile));
        foreach (var place in new[] { folder, Path.Combine(folder, PhotographFolder) }.Where(Directory.Exists))
        {
            foreach (var old in Directory.EnumerateFiles(place, "*.jpg").Where(path => OwnPicture().IsMatch(Path.GetFileName(path))))
            {
                AtomicFile.Delete(old);
            }
        }
    }

    [GeneratedRegex(@"^\d{5}-.*\.jpg$")]
    private static partial Regex OwnPicture();

    /// <summary>Makes the folders of the pictures.</summary>
    /// <exception cref="UserError">They cannot be made.</exception>
    public void PrepareFolder()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, PhotographFolder));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"cannot write {folder}: {failure.Message} Choose another folder with --out.", failure);
        }
    }

    /// <summary>Writes a picture's photograph and heat map.</summary>
    /// <param name="judgement">What the model said.</param>
    /// <param name="number">Of the picture, which no other has.</param>
    public ScoredImage Drawn(Judgement judgement, int number)
    {
        var name = PictureName(number, judgement.Name);
        var photograph = Write(judgement.DrawPhotograph(), Path.Combine(PhotographFolder, name));
        var overlay = Write(judgement.DrawOverlay(), name);
        var label = labels?.Of(judgement.Name) switch
        {
            null => null,
            true => LabelledScores.Defective,
            false => LabelledScores.Good,
        };
        var page = PageResult.Of(judgement, Link(judgement.Name), Escaped(photograph), Escaped(overlay), label);
        return new ScoredImage(page, judgement.Verdict, judgement.Threshold);
    }

    private string? Write(Image? picture, string name)
    {
        if (picture is null)
        {
            return null;
        }
        try
        {
            ImageFile.Write(Path.Combine(folder, name), picture);
        }
        catch (UserError failure)
        {
            throw new UserError($"{failure.Message}. Free some space or choose another folder with --out.", failure);
        }
        return name;
    }

    /// <summary>From the page to a photograph's file.</summary>
    private string? Link(string path) => Escaped(Path.GetRelativePath(Path.GetFullPath(folder), Path.GetFullPath(path)));

    private static string? Escaped(string? path) =>
        path is null ? null : string.Join('/', path.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    /// <summary>
    /// The picture's number keeps it unique; of the picture's name as much as leaves room for what is appended while it is written.
    /// </summary>
    private static string PictureName(int number, string path)
    {
        var stem = new string([.. Path.GetFileNameWithoutExtension(path).Where(letter => !char.IsSurrogate(letter))]);
        return $"{number:00000}-{(stem.Length > LongestStem ? stem[..LongestStem] : stem)}.jpg";
    }
}
