using Reproduction;
using Reproduction.Data;
using Reproduction.Methods;
using Reproduction.Papers.Ssae;
using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Studies;

/// <summary>
/// What is measured for one width of the replaced patches; figure 9 of <c>ssae</c>, X a normal image, X^ with a patch replaced, F(X^)
/// restored.
/// </summary>
/// <param name="PatchWidth">Width of the patch as a share of the image's: sqrt(|S| / N).</param>
/// <param name="Samples">Number of images X^.</param>
/// <param name="InputAccuracy">Share of X^ whose nearest normal image is X.</param>
/// <param name="OutputAccuracy">Share of F(X^) whose nearest normal image is X: 1 where F is an orthogonal projection.</param>
/// <param name="Distance">Mean of |F(X^) - X| / sqrt N, the root mean square over pixels in 0..1.</param>
/// <param name="DistanceDeviation">Its standard deviation over the samples.</param>
/// <param name="Premise">Share of pairs (X^, other normal image) that fulfil the premise of Theorem 1.</param>
/// <param name="Condition">Share of these pairs that fulfil its condition (8).</param>
public sealed record OrthogonalityPoint(
    double PatchWidth,
    int Samples,
    double InputAccuracy,
    double OutputAccuracy,
    double Distance,
    double DistanceDeviation,
    double Premise,
    double Condition
);

/// <summary>
/// How near a trained model is to an orthogonal projection onto its training images (section 4.2 and figure 9 of <c>ssae</c>): a square
/// patch of each is replaced by another image's, and the image that it was made from should be the nearest one to what the model restores.
/// </summary>
public static class Orthogonality
{
    private const int Batch = 8;

    /// <summary>The widths that are measured.</summary>
    public static IReadOnlyList<double> PatchWidths { get; } = [.. Enumerable.Range(1, 10).Select(tenth => tenth / 10.0)];

    /// <summary>Measures a fitted detector that restores images; all normal images are kept in memory at the detector's size.</summary>
    /// <param name="detector">A fitted detector with <see cref="Scores.Reconstruction"/>.</param>
    /// <param name="normal">The normal images, two at least.</param>
    /// <param name="seed">Chooses patches and their sources.</param>
    /// <param name="device">Where the distances are computed.</param>
    /// <param name="progress">Told after each width: (widths done, widths in all).</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="UserError">The detector restores no image, or there are not two images.</exception>
    public static IReadOnlyList<OrthogonalityPoint> Measure(
        IAnomalyDetector detector,
        IImages normal,
        int seed,
        Device device,
        Action<int, int> progress,
        CancellationToken cancellation
    )
    {
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        if (normal.Count < 2)
        {
            throw new UserError("orthogonality needs two normal images at least, to put a patch of one into the other");
        }

        using var first = detector.Score(new ImageBatch(normal, [0]));
        var (height, width) = first.Reconstruction is { } restored
            ? ((int)restored.shape[2], (int)restored.shape[3])
            : throw new UserError("orthogonality needs a method and variant that restores images, such as ssae's objective1");
        var set = new NormalSet(ImageBatch.All(normal).Pixels(new ImageSize(height, width), device));
        var points = new List<OrthogonalityPoint>();
        foreach (var patch in PatchWidths)
        {
            points.Add(
                Measure(
                    detector,
                    set,
                    patch,
                    SplitMix64.For((ulong)seed, FormattableString.Invariant($"patch width {patch}")),
                    cancellation
                )
            );
            progress(points.Count, PatchWidths.Count);
        }
        return points;
    }

    private static OrthogonalityPoint Measure(
        IAnomalyDetector detector,
        NormalSet set,
        double patch,
        SplitMix64 random,
        CancellationToken cancellation
    )
    {
        var (inputHits, outputHits, pairs, premises, conditions) = (0L, 0L, 0L, 0L, 0L);
        var distances = new List<double>();
        foreach (var indices in Enumerable.Range(0, set.Count).Select(i => (long)i).Chunk(Batch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var each = torch.NewDisposeScope();
            var originals = set.Images.index_select(0, torch.tensor(indices, device: set.Images.device));
            var distorted = originals.clone();
            var patches = indices.Select(i => Patch.Random(set, patch, i, random)).ToArray();
            for (var i = 0; i < patches.Length; i++)
            {
                patches[i].Of(distorted[i]).copy_(patches[i].Of(set.Images[patches[i].Source]));
            }

            using var scores = detector.Score(ImageBatch.All(new TensorImages(distorted)));
            var restored = scores.Reconstruction!;

            inputHits += Hits(set.Nearest(distorted));
            outputHits += Hits(set.Nearest(restored));
            distances.AddRange(
                (restored - originals).square().mean([1L, 2L, 3L]).sqrt().to(ScalarType.Float64).cpu().data<double>().ToArray()
            );

            // The two conditions need passes over all images: one image a batch is enough for a share.
            var mask = torch.zeros_like(set.Images[0]);
            patches[0].Of(mask).fill_(1);
            var (x, others) = (originals[0], set.Images);
            // The image itself fulfils both and is not counted.
            premises += SsaeTheory.Premise(x.flatten(), others.flatten(1), mask.flatten()).sum().item<long>() - 1;
            conditions +=
                SsaeTheory
                    .Feasible(patches[0].Of(distorted[0]).flatten(), patches[0].Of(x).flatten(), patches[0].Of(others).flatten(1))
                    .sum()
                    .item<long>() - 1;
            pairs += set.Count - 1;

            long Hits(Tensor nearest) => nearest.cpu().data<long>().ToArray().Zip(indices).Count(pair => pair.First == pair.Second);
        }
        var mean = distances.Average();
        var deviation = Math.Sqrt(distances.Sum(distance => (distance - mean) * (distance - mean)) / Math.Max(1, distances.Count - 1));
        return new OrthogonalityPoint(
            patch,
            set.Count,
            (double)inputHits / set.Count,
            (double)outputHits / set.Count,
            mean,
            deviation,
            (double)premises / pairs,
            (double)conditions / pairs
        );
    }

    /// <summary>A square place in an image, and the image whose content goes there.</summary>
    private sealed record Patch(long Source, long Top, long Left, long Height, long Width)
    {
        public static Patch Random(NormalSet set, double width, long image, SplitMix64 random)
        {
            var (high, wide) = ((int)set.Images.shape[2], (int)set.Images.shape[3]);
            var (rows, columns) = ((int)Math.Round(width * high), (int)Math.Round(width * wide));
            return new Patch(
                (image + 1 + random.NextInt(set.Count - 1)) % set.Count,
                random.NextInt(high - rows + 1),
                random.NextInt(wide - columns + 1),
                rows,
                columns
            );
        }

        /// <summary>The place as a view of images <c>[...,H,W]</c>.</summary>
        public Tensor Of(Tensor images) => images.narrow(-2, Top, Height).narrow(-1, Left, Width);
    }

    /// <summary>The normal images with what their distances need.</summary>
    private sealed class NormalSet
    {
        private readonly Tensor _mean;
        private readonly Tensor _centred;
        private readonly Tensor _squares;

        public NormalSet(Tensor images)
        {
            Images = images;
            var rows = images.flatten(1);
            // Centred, so that the squared distances below lose no digits to what all images share.
            _mean = rows.mean([0L], keepdim: true);
            _centred = rows - _mean;
            _squares = _centred.square().sum([1L]);
        }

        public Tensor Images { get; }

        public int Count => (int)Images.shape[0];

        /// <summary>Index of the nearest normal image, <c>[N]</c>; |q|^2 is the same for all of them.</summary>
        public Tensor Nearest(Tensor images) => (_squares - 2 * (images.flatten(1) - _mean).Times(_centred.t())).argmin(1);
    }
}
