using System.Globalization;
using MoA.Engine;
using MoA.Search.Optimization;

namespace MoA.Benchmarks.PlanSearch;

/// <summary>A problem to measure the search on.</summary>
/// <param name="Name">As it was asked for.</param>
/// <param name="Problem">The problem, without a limit on rules.</param>
internal sealed record SearchInstance(string Name, PlanProblem Problem)
{
    /// <summary>
    /// Reads a problem folder, or draws a problem of a size: <c>80x64</c> is 80 layers of 64 heads, <c>80x64/8</c> the same with 8
    /// KV heads.
    /// </summary>
    /// <param name="name">Folder or size.</param>
    /// <param name="seed">Seed of drawn problems.</param>
    /// <exception cref="InvalidInputException">It is neither.</exception>
    public static SearchInstance Of(string name, int seed)
    {
        if (Directory.Exists(name))
            return new SearchInstance(Path.GetFileName(Path.TrimEndingDirectorySeparator(name)), PlanProblem.Load(name));
        string[] parts = name.Split('x', '/');
        int[] sizes = [.. parts.Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int size) ? size : 0)];
        bool isSize = sizes.Length is 2 or 3 && Array.TrueForAll(sizes, size => size is > 0 and <= 4096);
        if (!isSize || (sizes.Length == 3 && sizes[1] % sizes[2] != 0))
            throw new InvalidInputException($"{name}: no such folder; expected one, or a size such as 32x32 or 80x64/8");
        return new SearchInstance(name, SyntheticProblem.Create(sizes[0], sizes[1], sizes.Length == 3 ? sizes[2] : sizes[1], seed));
    }
}
