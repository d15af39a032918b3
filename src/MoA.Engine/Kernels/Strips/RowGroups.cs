namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// The rows of a product's inputs where products want others than all of them in their order: group beside group, each the rows
/// of one weight. Without any it is all rows as they stand.
/// </summary>
/// <param name="sources">The row of the inputs that stands at each place; null where each stands at its own.</param>
/// <param name="groups">The group of each place; null where all are one.</param>
/// <param name="starts">The first place of each group, and after them the number of places.</param>
internal readonly unsafe struct RowGroups(int* sources, int* groups, int* starts)
{
    /// <summary>The row of the inputs that stands at a place.</summary>
    public int Source(int place) => sources is null ? place : sources[place];

    /// <summary>The group that a place is in, from one place up to another.</summary>
    public (int First, int End) Group(int place, int places) =>
        groups is null ? (0, places) : (starts[groups[place]], starts[groups[place] + 1]);
}
