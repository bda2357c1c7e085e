namespace Reproduction.Data;

/// <summary>Cross-validation as scikit-learn's shuffled KFold, with a generator of our own: other members, the same sizes.</summary>
public static class Folds
{
    /// <summary>
    /// Deals 0 .. n - 1 out to k folds at random; the first n mod k folds have one item more. Fold i of a model leaves out <c>[i]</c> and
    /// fits on the others.
    /// </summary>
    /// <returns>k sorted arrays that together hold every index once.</returns>
    /// <exception cref="UserError">There are fewer items than folds, or fewer than two folds.</exception>
    public static int[][] Split(int n, int k, int seed)
    {
        if (k < 2 || k > n)
        {
            throw new UserError(
                $"{n} images cannot be split into {k} folds; give at least 2 folds and at least as many images",
                exitCode: 2
            );
        }

        var order = Enumerable.Range(0, n).ToArray();
        new SplitMix64((ulong)seed).Shuffle(order.AsSpan());
        var folds = new int[k][];
        for (int i = 0, start = 0; i < k; i++)
        {
            var size = n / k + (i < n % k ? 1 : 0);
            folds[i] = [.. order.AsSpan(start, size).ToArray().Order()];
            start += size;
        }
        return folds;
    }

    /// <summary>Some items to train on, chosen at random, and the others; both in the order in which they are given.</summary>
    /// <param name="items">Those of a data set that comes without a split.</param>
    /// <param name="count">How many are to train on.</param>
    /// <param name="seed">Chooses them.</param>
    internal static (T[] Train, T[] Others) HoldOut<T>(IReadOnlyList<T> items, int count, int seed)
    {
        var isTrain = new bool[items.Count];
        isTrain.AsSpan(0, count).Fill(true);
        new SplitMix64((ulong)seed).Shuffle(isTrain.AsSpan());
        return ([.. items.Where((_, i) => isTrain[i])], [.. items.Where((_, i) => !isTrain[i])]);
    }

    /// <summary>
    /// As <see cref="Split"/>, each kind of item dealt out on its own and one kind after the other, so that every fold has as much of each
    /// as can be, and folds differ by one item at most.
    /// </summary>
    /// <param name="kinds">The kind of each item: its label.</param>
    /// <param name="k">Folds.</param>
    /// <param name="seed">Decides which items come together.</param>
    /// <exception cref="UserError">There are fewer items of a kind than folds, or fewer than two folds.</exception>
    public static int[][] Stratified<T>(IReadOnlyList<T> kinds, int k, int seed)
        where T : notnull
    {
        var folds = Enumerable.Range(0, Math.Max(k, 0)).Select(_ => new List<int>()).ToArray();
        var random = new SplitMix64((ulong)seed);
        var next = 0;
        foreach (var kind in kinds.Index().GroupBy(item => item.Item, item => item.Index).OrderBy(group => group.First()))
        {
            var members = kind.ToArray();
            if (k < 2 || members.Length < k)
            {
                throw new UserError(
                    $"{members.Length} images of label {kind.Key} cannot be split into {k} folds; give at least 2 folds and at least "
                        + "as many images of each label",
                    exitCode: 2
                );
            }

            random.Shuffle(members.AsSpan());
            foreach (var member in members)
            {
                folds[next++ % k].Add(member);
            }
        }
        return [.. folds.Select(fold => fold.Order().ToArray())];
    }

    /// <summary>The items that fold <paramref name="held"/> does not leave out, in their order.</summary>
    public static T[] Remaining<T>(IReadOnlyList<T> items, int[][] folds, int held)
    {
        var leftOut = folds[held].ToHashSet();
        return [.. items.Where((_, i) => !leftOut.Contains(i))];
    }
}
