using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace MoA.Tests;

/// <summary>
/// How every random property is checked: on the same cases at each run, unless the environment asks for others.
/// <c>MOA_PROPERTY_SEED</c> is the seed of the first round, <c>MOA_PROPERTY_RUNS</c> the number of rounds, each with the
/// seed after that of the one before. <c>.ci/properties</c> draws a fresh seed for many rounds.
/// </summary>
internal static class RandomProperty
{
    private const string SeedVariable = "MOA_PROPERTY_SEED", RunsVariable = "MOA_PROPERTY_RUNS";

    // An odd number with bits of either kind in equal parts, as FsCheck's generator (SplitMix64) asks.
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    /// <summary>The seed of the first round.</summary>
    public static ulong FirstSeed { get; } = Number(SeedVariable) ?? 1;

    /// <summary>The number of rounds; 1 but in the longer leg.</summary>
    public static ulong Runs { get; } = Number(RunsVariable) ?? 1;

    /// <summary>Fails with the case for which the property does not hold, and with the seed that draws it again.</summary>
    public static void Holds(this Property property, int cases = 100)
    {
        for (ulong run = 0; run < Runs; run++)
        {
            ulong seed = FirstSeed + run;
            try
            {
                property.Check(Config.QuickThrowOnFailure.WithMaxTest(cases).WithReplay(seed, Gamma));
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"To see it again: {SeedVariable}={seed} dotnet test …\n{failure.Message}", failure);
            }
        }
    }

    private static ulong? Number(string variable)
    {
        string? text = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(text))
            return null;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new InvalidOperationException($"{variable}={text}: expected a whole number");
    }
}
