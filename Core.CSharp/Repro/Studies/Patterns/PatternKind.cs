using TorchSharp;
using static TorchSharp.torch;

namespace Repro.Studies;

/// <summary>A class of patterns.</summary>
/// <param name="Name">The class's name.</param>
/// <param name="Shortest">Shortest period, pixels.</param>
/// <param name="Longest">Longest period, pixels.</param>
/// <param name="Field">Draws the batch's fields, <c>[N,S,S]</c> in about 0..1: the mixture of a pattern's two colours.</param>
internal sealed record PatternKind(string Name, double Shortest, double Longest, Func<PatternCanvas, Tensor> Field)
{
    private const double Turn = 2 * Math.PI;

    /// <summary>
    /// All classes; none is one of Surfaces' categories: no weave, grain of wood, tiles, creases of hide, brushed noise, mesh or parts.
    /// </summary>
    public static IReadOnlyList<PatternKind> All { get; } =
    [
        new("stripes", 5, 18, canvas => Wave(canvas.U)),
        new("chirp", 12, 30, Chirp),
        new("waves", 7, 18, canvas => Wave(canvas.U + (canvas.V * (Turn / 2)).sin() * 0.35)),
        new("zigzag", 7, 18, canvas => canvas.Inside(Centred(canvas.U + Centred(canvas.V / 2).abs() * 2).abs() - 0.25)),
        new("checkerboard", 7, 20, canvas => canvas.Inside((canvas.U * Math.PI).sin() * (canvas.V * Math.PI).sin() * 0.5)),
        new("triangle tiling", 9, 24, canvas => canvas.Inside(ThreeWaves(canvas, coordinate => coordinate.sin()).prod(dim: 0) * 0.5)),
        new("hexagonal dots", 6, 18, canvas => canvas.Inside((ThreeWaves(canvas, coordinate => coordinate.cos()).sum([0L]) - 0.6) * 0.2)),
        new("polka dots", 7, 20, canvas => canvas.Inside(0.28 - Centred(canvas.U).hypot(Centred(canvas.V)))),
        new("diamonds", 8, 24, canvas => Wave((Centred(canvas.U).abs() + Centred(canvas.V).abs()) * 2)),
        new("fish scales", 9, 24, FishScales),
        new("truchet arcs", 7, 18, Truchet),
        new("rings", 5, 14, canvas => Wave(canvas.Polar().Radius)),
        new("spiral", 6, 16, Spiral),
        new("rays", 6, 16, canvas => ((canvas.Polar().Angle * canvas.Uniform(6, 16).round()).sin() * 4).sigmoid()),
        new("value noise", 4, 14, canvas => canvas.Noise(canvas.U, canvas.V)),
        new("fractal noise", 10, 30, canvas => canvas.Octaves(octave => octave) * 1.6 - 0.3),
        new("ridged noise", 10, 30, canvas => canvas.Octaves(octave => (1 - (octave * 2 - 1).abs()).pow(3))),
        new("contour lines", 12, 30, canvas => Wave(canvas.Noise(canvas.U, canvas.V) * 5)),
        new("marble", 8, 20, canvas => Wave(canvas.U * 0.7 + canvas.Noise(canvas.U * 0.6, canvas.V * 0.6) * 2.5).pow(2)),
        new("grain", 4, 8, canvas => canvas.Normal() * 0.25 + 0.5),
        new("worms", 5, 14, canvas => canvas.Inside(canvas.PlaneWaves() * 0.15)),
        new("spots", 5, 12, canvas => canvas.Inside((canvas.PlaneWaves() - 1) * 0.15)),
        new("mosaic", 7, 20, Mosaic),
        new("discs", 9, 24, canvas => Shapes(canvas, points => points.Value * 0.25 + 0.12 - points.Radius)),
        new("circles", 10, 26, canvas => Shapes(canvas, points => Line(points.Radius - points.Value * 0.2 - 0.22))),
        new("triangles", 10, 26, canvas => Shapes(canvas, points => 0.2 - TriangleDistance(points))),
        new("triangle outlines", 12, 28, canvas => Shapes(canvas, points => Line(TriangleDistance(points) - 0.2))),
        new("square outlines", 10, 26, canvas => Shapes(canvas, points => Line(points.X.abs().maximum(points.Y.abs()) - 0.27))),
        new("segments", 9, 24, canvas => Shapes(canvas, points => Bar(points.X, points.Y))),
        new("crosses", 10, 26, canvas => Shapes(canvas, points => Bar(points.X, points.Y).maximum(Bar(points.Y, points.X)))),
        new("arcs", 10, 26, canvas => Shapes(canvas, points => Line(points.Radius - 0.34).minimum(points.X))),
        new("metaballs", 7, 18, canvas => canvas.Inside(Bells(canvas.Scatter(0.9)).sum([1L]) * 0.3 - 0.27)),
        new("gabor patches", 12, 28, Gabor),
    ];

    private static Tensor Wave(Tensor coordinate) => (coordinate * Turn).sin() * 0.5 + 0.5;

    // -0.5..0.5 within each cell.
    private static Tensor Centred(Tensor coordinate) => coordinate - coordinate.floor() - 0.5;

    // Along three axes a sixth of a turn apart, [3,N,S,S].
    private static Tensor ThreeWaves(PatternCanvas canvas, Func<Tensor, Tensor> wave) =>
        torch.stack([
            .. Enumerable
                .Range(0, 3)
                .Select(axis => wave((canvas.U * Math.Cos(axis * Turn / 3) + canvas.V * Math.Sin(axis * Turn / 3)) * Turn)),
        ]);

    // The union of one shape a scattered point, by its signed distances [N,9,S,S].
    private static Tensor Shapes(PatternCanvas canvas, Func<Scattered, Tensor> distance) =>
        canvas.Inside(distance(canvas.Scatter(0.6)).amax([1L]));

    private static Tensor Line(Tensor distance) => 0.06 - distance.abs();

    private static Tensor Bar(Tensor along, Tensor across) => (0.42 - along.abs()).minimum(0.07 - across.abs());

    private static Tensor TriangleDistance(Scattered points) =>
        torch
            .stack([.. Enumerable.Range(0, 3).Select(edge => points.X * Math.Cos(edge * Turn / 3) + points.Y * Math.Sin(edge * Turn / 3))])
            .amax([0L]);

    private static Tensor Bells(Scattered points) => (points.Radius.pow(2) * -8).exp();

    private static Tensor Mosaic(PatternCanvas canvas)
    {
        var points = canvas.Scatter(0.9);
        return points.Value.gather(1, points.Radius.argmin(1, keepdim: true)).squeeze(1);
    }

    private static Tensor Gabor(PatternCanvas canvas)
    {
        var points = canvas.Scatter(0.6);
        return ((points.Radius.pow(2) * -16).exp() * (points.X * (4 * Turn)).cos()).sum([1L]) * 0.5 + 0.5;
    }

    // Stripes that grow finer from one side to the other.
    private static Tensor Chirp(PatternCanvas canvas)
    {
        var (radius, angle) = canvas.Polar();
        var coordinate = radius * angle.cos();
        return Wave(coordinate * (coordinate * 0.2 + 1.2));
    }

    private static Tensor Spiral(PatternCanvas canvas)
    {
        var (radius, angle) = canvas.Polar();
        return Wave(radius + angle / Turn * canvas.Uniform(1, 4).floor());
    }

    // Quarter circles around two opposite corners of each cell, which two is drawn by lot.
    private static Tensor Truchet(PatternCanvas canvas)
    {
        var (column, row) = (canvas.U.floor(), canvas.V.floor());
        var (x, y) = (canvas.U - column, canvas.V - row);
        x = torch.where(canvas.Lattice()(column, row).gt(0.5), x, 1 - x);
        var distance = (x.hypot(y) - 0.5).abs().minimum(((1 - x).hypot(1 - y) - 0.5).abs());
        return canvas.Inside(0.12 - distance);
    }

    // Rows of overlapping discs, every other one half a disc further; the last row that covers a pixel hides the others.
    private static Tensor FishScales(PatternCanvas canvas)
    {
        var field = torch.zeros_like(canvas.U);
        var rows = canvas.V * 2;
        for (var back = 2; back >= 0; back--)
        {
            var row = rows.floor() - back + 1;
            var radius = Centred(canvas.U + row * 0.5).hypot((rows - row) / 2);
            field = torch.where(radius.lt(0.56), radius * 1.8, field);
        }
        return field;
    }
}
