namespace Reproduction;

/// <summary>
/// A failure that the user can mend: a broken file, a wrong argument, a missing folder. The message is one or two lines that name
/// the file or the value and the way out. Values that a program gives have the names of <see cref="ApiName"/>; the command prints its
/// options in their place, without a stack trace, and exits with <see cref="ExitCode"/>.
/// </summary>
public sealed class UserError : Exception
{
    /// <param name="message">One or two lines: what is wrong with which file or value, and what to do.</param>
    /// <param name="inner">The exception behind it, shown only with <c>--debug</c>.</param>
    /// <param name="exitCode">1 for failures; 2 for wrong arguments.</param>
    public UserError(string message, Exception? inner = null, int exitCode = 1)
        : base(message, inner) => ExitCode = exitCode;

    /// <summary>The process's exit code: 1 for failures, 2 for wrong arguments.</summary>
    public int ExitCode { get; }
}
