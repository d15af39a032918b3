namespace MoA.Engine;

/// <summary>
/// Bad input from outside: a file, an option or a plan that cannot be used. The message is one line that says what was
/// read, what was expected and what to do; the command line prints it and exits with code 2.
/// </summary>
public sealed class InvalidInputException : Exception
{
    /// <summary>Creates the exception with its one-line message.</summary>
    public InvalidInputException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception with its one-line message and the failure that caused it.</summary>
    public InvalidInputException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Creates the exception without a message.</summary>
    public InvalidInputException()
    {
    }
}
