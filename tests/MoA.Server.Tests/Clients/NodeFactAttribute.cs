namespace MoA.Server.Tests.Clients;

/// <summary>A test that needs Node.js, and npm's packages of this folder.</summary>
public sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute() => Skip = Node.WhyNot;
}
