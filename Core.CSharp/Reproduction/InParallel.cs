namespace Reproduction;

/// <summary>Loops by all cores.</summary>
internal static class InParallel
{
    /// <summary>
    /// Parallel.For wraps what its body throws; a user is to see the first image's own error. The other turns are done all the same.
    /// </summary>
    /// <exception cref="UserError">What the turn of the lowest number threw.</exception>
    public static void For(int count, Action<int> body)
    {
        // One image's turn is not worth another thread, which may be handed it.
        if (count == 1)
        {
            body(0);
            return;
        }
        var errors = new UserError?[count];
        Parallel.For(
            0,
            count,
            i =>
            {
                try
                {
                    body(i);
                }
                catch (UserError error)
                {
                    errors[i] = error;
                }
            }
        );
        if (errors.FirstOrDefault(error => error is not null) is { } first)
        {
            throw new UserError(first.Message, first, first.ExitCode);
        }
    }
}
