namespace MoA.Engine.Configuration;

/// <summary>Rotary position embedding of one kind of layer.</summary>
/// <param name="Theta">Base of the frequencies; above 0.</param>
/// <param name="Scaling">How they are stretched.</param>
internal sealed record RopeSettings(double Theta, RopeScaling Scaling);
