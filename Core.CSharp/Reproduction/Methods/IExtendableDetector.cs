using Reproduction.Data;

namespace Reproduction.Methods;

/// <summary>A fitted detector that takes more normal images in without those that it was fitted on.</summary>
public interface IExtendableDetector : IAnomalyDetector
{
    /// <summary>Takes more normal images in.</summary>
    /// <param name="more">Normal images that the detector has not seen.</param>
    /// <param name="context">Progress and cancellation; the seed is that of the first fit.</param>
    /// <returns>As of <see cref="IAnomalyDetector.Fit"/>, of all images so far.</returns>
    /// <exception cref="UserError">The fitted model does not hold what this needs.</exception>
    IReadOnlyDictionary<string, double> Add(IImages more, FitContext context);
}
