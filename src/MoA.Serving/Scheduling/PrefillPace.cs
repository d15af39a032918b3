namespace MoA.Serving.Scheduling;

/// <summary>
/// How many tokens of prompts a step may read so that those who are being written to keep their pace. It learns from the steps what a step
/// without prompts takes, and what a prompt's token adds to one.
/// </summary>
/// <param name="longestStep">How many times as long as a step without prompts one with them may take.</param>
/// <param name="piece">Tokens of a prompt that attention reads at the cost of one.</param>
internal sealed class PrefillPace(double longestStep, int piece)
{
    private const double Weight = 0.25;

    // What was learned is looked at again now and then.
    private const int StepsBetweenLooks = 64;

    // A prompt goes on whatever the machine does.
    private readonly int _least = Math.Min(piece, 8);
    private readonly Dictionary<int, double> _decode = [];
    private double _perToken;
    private int _steps;

    /// <summary>Most tokens of prompts in the next step; 0 for a step without.</summary>
    /// <param name="decoding">Sequences that are being written.</param>
    /// <param name="most">Most tokens of a step.</param>
    public int Tokens(int decoding, int most)
    {
        if (decoding == 0)
            return most;
        if (!TryDecodeTime(decoding, out double decode) || ++_steps >= StepsBetweenLooks)
        {
            _steps = 0;
            return 0;
        }

        if (_perToken == 0)
            return Math.Min(_least, most);
        // What a last piece lacks would save little: the nearest number of whole ones.
        double tokens = Math.Round((longestStep - 1) * decode / _perToken / piece) * piece;
        return (int)Math.Min(Math.Max(tokens, _least), most);
    }

    /// <summary>Learns from a step.</summary>
    public void Note(int decoding, int promptTokens, double seconds)
    {
        if (promptTokens == 0)
        {
            _decode[decoding] = _decode.TryGetValue(decoding, out double known) ? known + Weight * (seconds - known) : seconds;
            return;
        }

        double decode = 0;
        if (decoding > 0 && !TryDecodeTime(decoding, out decode))
            return;
        double perToken = Math.Max(seconds - decode, seconds / 100) / promptTokens;
        _perToken = _perToken == 0 ? perToken : _perToken + Weight * (perToken - _perToken);
    }

    // A step of a few more or fewer sequences takes about as long.
    private bool TryDecodeTime(int decoding, out double seconds)
    {
        for (int other = 0; other <= decoding / 4; other++)
        {
            if (_decode.TryGetValue(decoding - other, out seconds) || _decode.TryGetValue(decoding + other, out seconds))
                return true;
        }

        seconds = 0;
        return false;
    }
}
