namespace MoA.Engine.Kernels;

/// <summary>How a device draws one token from logits that need no penalties.</summary>
/// <param name="Temperature">Divides the logits; 0 takes the most likely token.</param>
/// <param name="TopK">Keeps the k most likely tokens; 0 keeps all.</param>
/// <param name="TopP">Keeps the fewest most likely tokens whose probabilities reach this sum; 1 keeps all.</param>
/// <param name="MinP">Keeps tokens at least this share as likely as the likeliest; 0 keeps all.</param>
/// <param name="Point">The random number, in [0, 1).</param>
internal readonly record struct TokenDraw(double Temperature, int TopK, double TopP, double MinP, double Point);
