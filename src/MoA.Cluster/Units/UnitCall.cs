namespace MoA.Cluster.Units;

/// <summary>Asks for the result of a unit. Asked again, it is the same unit.</summary>
/// <param name="Model">The model.</param>
/// <param name="Kind">Who computes it.</param>
/// <param name="Id">What makes it one and the same.</param>
/// <param name="Payload">What it is about.</param>
[GenerateSerializer, Immutable, Alias("moa.unit-call")]
internal sealed record UnitCall(
    [property: Id(0)] UnitModel Model, [property: Id(1)] string Kind, [property: Id(2)] string Id, [property: Id(3)] byte[] Payload)
{
    /// <summary>The unit of this model among those of others.</summary>
    public string Key => $"{Model.Fingerprint}/{Id}";
}
