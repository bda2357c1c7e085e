using System.Globalization;
using Reproduction.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>What a network was trained to be fed: <c>(image * Range - Mean) / Std</c> in the order of <see cref="Color"/>.</summary>
/// <param name="Color"><c>RGB</c> or <c>BGR</c>; <see cref="Mean"/> and <see cref="Std"/> are in this order.</param>
/// <param name="Range">The value of a white pixel: 1 or 255.</param>
/// <param name="Mean">Of each channel; null: nothing is subtracted.</param>
/// <param name="Std">Of each channel; null: nothing is divided by.</param>
public sealed record Preprocessing(string Color, double Range, IReadOnlyList<double>? Mean, IReadOnlyList<double>? Std)
{
    /// <summary>RGB in 0..1, normalised with ImageNet's mean and standard deviation, as torchvision's networks are trained.</summary>
    public static Preprocessing ImageNet { get; } = new("RGB", 1, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>RGB in 0..1 as it is.</summary>
    public static Preprocessing None { get; } = new("RGB", 1, null, null);

    /// <summary>BGR in 0..255 less ImageNet's mean, as Caffe's networks are trained.</summary>
    public static Preprocessing Caffe { get; } = new("BGR", 255, [103.939, 116.779, 123.68], null);

    /// <summary>
    /// BGR in 0..255 less the channel means of the image of 224x224 that the packaged ResNet-18 was trained with
    /// (<see cref="PackagedWeights"/>). That image, resized to the input, gives the same within 0.004 of image AUROC, now more and now less
    /// (<c>results/extractor/mean-image.csv</c>, by <c>scripts/ablate-mean-image.fsx</c>); the means do for every size.
    /// </summary>
    public static Preprocessing Cntk { get; } = new("BGR", 255, [103.06262401521815, 115.90288236463556, 123.1516307762691], null);

    /// <summary>Applies the normalisation.</summary>
    /// <param name="imagesRgb01"><c>[N,3,H,W]</c>, RGB, 0..1.</param>
    /// <returns>A new tensor of the same shape.</returns>
    public Tensor Apply(Tensor imagesRgb01)
    {
        using var scope = torch.NewDisposeScope();
        var images = Color == "BGR" ? imagesRgb01.flip(1) : imagesRgb01;
        var (scale, shift) = Affine(images.device);
        return (images * scale + shift).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Apply"/>, as operations of an ONNX graph.</summary>
    internal OnnxValue Export(OnnxValue imagesRgb01)
    {
        using var scope = torch.NewDisposeScope();
        var model = imagesRgb01.Model;
        var images = Color == "BGR" ? imagesRgb01.IndexSelect(1, model.Integers(2, 1, 0)) : imagesRgb01;
        var (scale, shift) = Affine(torch.CPU);
        return (images * model.Constant(scale)) + model.Constant(shift);
    }

    /// <summary>One line, the same for equal settings: part of a feature cache's key.</summary>
    public override string ToString() => $"{Color} 0..{Text(Range)} mean {Text(Mean)} std {Text(Std)}";

    /// <summary>What a value is multiplied with and what is then added, <c>[1,3,1,1]</c>.</summary>
    private (Tensor Scale, Tensor Shift) Affine(Device device)
    {
        var std = Values(Std, 1);
        var mean = Values(Mean, 0);
        return (
            torch.tensor(Array.ConvertAll(std, value => (float)(Range / value)), [1, 3, 1, 1]).to(device),
            torch.tensor(mean.Zip(std, (center, spread) => (float)(-center / spread)).ToArray(), [1, 3, 1, 1]).to(device)
        );
    }

    private static double[] Values(IReadOnlyList<double>? values, double otherwise) =>
        values?.ToArray() ?? [otherwise, otherwise, otherwise];

    private static string Text(IReadOnlyList<double>? values) => values is null ? "none" : string.Join(",", values.Select(Text));

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
