namespace MoA.Cluster.Simulation.Serving;

/// <summary>What a member tells the others of itself.</summary>
/// <param name="FreeBytes">Bytes that no request has; kept caches give way.</param>
/// <param name="KeptBytes">Bytes of kept caches.</param>
/// <param name="Running">Requests that are being read or written.</param>
/// <param name="Waiting">Requests that wait.</param>
internal readonly record struct MemberReport(long FreeBytes, long KeptBytes, int Running, int Waiting)
{
    /// <summary>Requests that are there.</summary>
    public int Requests => Running + Waiting;
}
