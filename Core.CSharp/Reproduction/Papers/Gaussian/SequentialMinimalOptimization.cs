namespace Reproduction.Papers.Gaussian;

/// <summary>
/// The dual problem of the one-class support vector machine (Schölkopf, Platt, Shawe-Taylor, Smola and Williamson 2001) in libsvm's
/// scale, over one coefficient a sample:
/// <code>
///   minimise  f(α) = ½ αᵀ K α    subject to    0 ≤ α_i ≤ 1,    Σ α_i = ν N
/// </code>
/// With the gradient G = K α, α is a solution if and only if a number ρ lies between the two sets that bounds leave free to move:
/// <code>
///   G_i ≥ ρ where α_i &lt; 1 (it may grow),    G_i ≤ ρ where α_i > 0 (it may shrink)
/// </code>
/// It is found by sequential minimal optimization: two coefficients a step, exactly, with the working set of second-order information
/// of Fan, Chen and Lin (2005, WSS 2). Samples are not shrunk away as libsvm does it: with the rows of K at hand a step costs N additions.
/// </summary>
internal static class SequentialMinimalOptimization
{
    /// <summary>
    /// By how much the conditions on G may be broken, ε, as a share of Σ α = ν N. f is then at most ε (ν N)² above its minimum, so a
    /// decision value, whose kernel has norm 1, is at most √(2 ε) ν N = 1.4e-6 ν N from the exact one; in practice four digits less.
    /// libsvm's default is an absolute 1e-3.
    /// </summary>
    public const double DefaultTolerance = 1e-12;

    /// <summary>Steps after which the search gives up: libsvm's limit.</summary>
    public const long DefaultMaximumSteps = 10_000_000;

    /// <summary>Curvature of a pair whose kernel values are equal, as in libsvm: its step then ends at a bound.</summary>
    private const double LeastCurvature = 1e-12;

    /// <summary>Solves the problem.</summary>
    /// <param name="kernel">K of the N samples, with ones on its diagonal.</param>
    /// <param name="nu">ν in (0, 1]: at most the share ν of the samples lies outside, at least the share ν are support vectors.</param>
    /// <param name="tolerance">The largest gap between the two sets, as a share of ν N.</param>
    /// <param name="maximumSteps">Steps after which it gives up.</param>
    /// <returns>α, ρ and the number of steps. A sample at a bound has exactly 0 or 1.</returns>
    /// <exception cref="UserError">ν is not in (0, 1], or the steps do not suffice.</exception>
    public static (double[] Coefficients, double Offset, long Steps) Solve(
        RbfKernel kernel,
        double nu,
        double tolerance = DefaultTolerance,
        long maximumSteps = DefaultMaximumSteps
    )
    {
        if (!(nu > 0 && nu <= 1))
        {
            throw new UserError($"one-class SVM: nu is {nu}; it is a share of the training samples, above 0 and at most 1");
        }
        var alpha = FirstPoint(kernel.Count, nu);
        var gradient = kernel.Multiply(alpha);
        var gap = tolerance * nu * kernel.Count;
        var isExact = true;
        for (var step = 0L; ; step++)
        {
            var up = SteepestIncrease(alpha, gradient);
            var (down, violation) = up < 0 ? (-1, 0) : BestDecrease(alpha, gradient, kernel.Row(up), gradient[up]);
            if (violation <= gap)
            {
                if (isExact)
                {
                    return (alpha, Offset(alpha, gradient), step);
                }
                // The sum of many small changes has lost digits: whether this is the solution, only the whole product tells.
                gradient = kernel.Multiply(alpha);
                isExact = true;
                continue;
            }
            if (step >= maximumSteps)
            {
                throw new UserError(
                    $"one-class SVM: {maximumSteps} steps brought the violation of the optimality conditions to "
                        + $"{violation / (nu * kernel.Count):g2} of nu N, not to {tolerance:g2}; are the {kernel.Count} samples on one "
                        + "scale?"
                );
            }
            Exchange(alpha, gradient, kernel, up, down);
            isExact = false;
        }
    }

    /// <summary>libsvm's: the first samples at 1 and one with the rest, so that the sum is ν N.</summary>
    private static double[] FirstPoint(int count, double nu)
    {
        var alpha = new double[count];
        var full = (int)(nu * count);
        Array.Fill(alpha, 1, 0, full);
        if (full < count)
        {
            alpha[full] = (nu * count) - full;
        }
        return alpha;
    }

    /// <summary>i = argmin G over the coefficients that may grow; -1 where none may.</summary>
    private static int SteepestIncrease(double[] alpha, double[] gradient)
    {
        var (best, least) = (-1, double.PositiveInfinity);
        for (var t = 0; t < alpha.Length; t++)
        {
            if (alpha[t] < 1 && gradient[t] < least)
            {
                (best, least) = (t, gradient[t]);
            }
        }
        return best;
    }

    /// <summary>
    /// j among the coefficients that may shrink with G_j > G_i: the one that lets f fall most if no bound is met,
    /// by (G_j - G_i)² / 2 a with a = K_ii + K_jj - 2 K_ij; and the largest G_j - G_i, by which optimality is broken.
    /// </summary>
    private static (int Down, double Violation) BestDecrease(double[] alpha, double[] gradient, ReadOnlySpan<double> row, double least)
    {
        var (best, most, violation) = (-1, 0.0, 0.0);
        for (var t = 0; t < alpha.Length; t++)
        {
            var difference = gradient[t] - least;
            if (alpha[t] > 0 && difference > 0)
            {
                var gain = difference * difference / Curvature(row[t]);
                if (gain > most)
                {
                    (best, most) = (t, gain);
                }
                violation = Math.Max(violation, difference);
            }
        }
        return (best, violation);
    }

    /// <summary>Moves as much from α_j to α_i as makes f least, or as far as the bounds allow.</summary>
    private static void Exchange(double[] alpha, double[] gradient, RbfKernel kernel, int up, int down)
    {
        var row = kernel.Row(up);
        var (room, stock) = (1 - alpha[up], alpha[down]);
        var amount = Math.Min((gradient[down] - gradient[up]) / Curvature(row[down]), Math.Min(room, stock));
        // A bound that is reached is reached exactly, whatever the sum rounds to.
        alpha[up] = amount == room ? 1 : alpha[up] + amount;
        alpha[down] = amount == stock ? 0 : alpha[down] - amount;
        RbfKernel.AddScaled(gradient, amount, row);
        RbfKernel.AddScaled(gradient, -amount, kernel.Row(down));
    }

    private static double Curvature(double kernelValue) => Math.Max(2 - (2 * kernelValue), LeastCurvature);

    /// <summary>
    /// ρ as libsvm defines it: the mean of G over the coefficients between the bounds; without one, the middle of what the conditions
    /// allow. With ν = 1 all are at 1 and nothing limits ρ from above (libsvm's is infinite then): it is the least that is allowed.
    /// </summary>
    private static double Offset(double[] alpha, double[] gradient)
    {
        var (sum, free) = (0.0, 0);
        var (lower, upper) = (double.NegativeInfinity, double.PositiveInfinity);
        for (var t = 0; t < alpha.Length; t++)
        {
            if (alpha[t] >= 1)
            {
                lower = Math.Max(lower, gradient[t]);
            }
            else if (alpha[t] <= 0)
            {
                upper = Math.Min(upper, gradient[t]);
            }
            else
            {
                sum += gradient[t];
                free++;
            }
        }
        return free > 0 ? sum / free
            : double.IsFinite(upper) ? (lower + upper) / 2
            : lower;
    }
}
