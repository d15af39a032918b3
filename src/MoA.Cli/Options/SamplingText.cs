using MoA.Engine;
using MoA.Engine.Generation;

namespace MoA.Cli.Options;

/// <summary>Reads how tokens are drawn from one value, as in <c>temperature=0.8,top-k=40,top-p=0.95,min-p=0.05</c>.</summary>
internal static class SamplingText
{
    public const string Form = "temperature=T,top-k=K,top-p=P,min-p=P";

    /// <summary>The settings named, each once; a temperature of 1 where none is.</summary>
    /// <exception cref="InvalidInputException">The text is anything else, or a number is out of range.</exception>
    public static SamplingOptions Parse(string option, string text)
    {
        SamplingOptions sampling = new() { Temperature = 1 };
        HashSet<string> seen = [];
        foreach (string part in text.Split(','))
        {
            string[] sides = part.Split('=');
            if (sides.Length != 2 || !seen.Add(sides[0]) || With(sampling, sides[0], sides[1]) is not SamplingOptions next)
                throw new InvalidInputException($"{option} {text}: '{part}' is no setting; expected some of {Form}, each once");
            sampling = next;
        }

        if (sampling.Temperature == 0)
            throw new InvalidInputException($"{option} {text}: expected a temperature above 0; without {option} the likeliest token is taken");
        try
        {
            sampling.Check();
        }
        catch (InvalidInputException exception)
        {
            throw new InvalidInputException($"{option} {text}: {exception.Message}", exception);
        }

        return sampling;
    }

    private static SamplingOptions? With(SamplingOptions sampling, string name, string value)
    {
        if (name == "top-k")
            return NumberText.TryWhole(value, out int k) ? sampling with { TopK = k } : null;
        if (!NumberText.TryDecimal(value, out double number))
            return null;
        return name switch
        {
            "temperature" => sampling with { Temperature = number },
            "top-p" => sampling with { TopP = number },
            "min-p" => sampling with { MinP = number },
            _ => null,
        };
    }
}
