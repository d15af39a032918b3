namespace MoA.Search.Optimization;

/// <summary>Where a programme counts the sums of a lattice.</summary>
/// <param name="Lattice">The lattice.</param>
/// <param name="Steps">Row of A.</param>
/// <param name="Offsets">Row of E.</param>
/// <param name="Scale">What one unit of A or E is in its row.</param>
internal sealed record LatticeRows(DensityLattice Lattice, int Steps, int Offsets, double Scale);
