using MoA.Engine;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>Bad input is refused in one line that names the file and says what is wrong.</summary>
internal static class Refusal
{
    public static void AssertThrows(string path, string problem, Func<object> load)
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(load);
        Assert.StartsWith(path + ": ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(problem, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }
}
