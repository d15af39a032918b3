namespace MoA.Search.Calibration;

/// <summary>Says which split an answer belongs to.</summary>
internal static class SplitMembership
{
    /// <summary>Whether <paramref name="answer"/> is one of this split's third of all answers. Generators draw again until it is.</summary>
    public static bool Owns(this CalibrationSplit split, string answer)
    {
        // FNV-1a, then a mixing step: the low bits of FNV alone follow the last characters.
        ulong hash = 0xCBF29CE484222325;
        foreach (char c in answer)
            hash = (hash ^ c) * 0x100000001B3;

        return SeededRandom.Derive(hash) % 3 == (ulong)split;
    }
}
