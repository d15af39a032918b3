namespace MoA.Cluster.Members;

/// <summary>A model that a member has loaded.</summary>
/// <param name="Name">The model's name.</param>
/// <param name="Fingerprint">Hash of all that its results depend on.</param>
/// <param name="WeightBytes">Bytes of its weights, mapped or copied.</param>
[GenerateSerializer, Immutable, Alias("moa.member-model")]
internal sealed record MemberModel([property: Id(0)] string Name, [property: Id(1)] string Fingerprint, [property: Id(2)] long WeightBytes);
