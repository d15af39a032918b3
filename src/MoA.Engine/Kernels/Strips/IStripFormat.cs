using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// How a number format is multiplied when the rows of a weight stand side by side in the lanes of vectors: as many rows as there
/// are lanes make a strip, whose cells hold a block of each row, 32 bits a lane at a time. So nothing is added across
/// lanes, activations are broadcast, and a strip is one stream of as many bytes as its rows have.
/// </summary>
internal unsafe interface IStripFormat
{
    /// <summary>Columns of a cell. Rows of plain numbers are filled up with zeros to whole cells.</summary>
    static abstract int CellColumns { get; }

    /// <summary>
    /// Bytes of a row's block that a cell has 32 bits at a time, lane beside lane: a multiple of 4. Those of many formats are the
    /// whole block.
    /// </summary>
    static abstract int QuadBytes { get; }

    /// <summary>Where in a row's block they begin.</summary>
    static abstract int QuadsAt { get; }

    /// <summary>
    /// Where in a row's block the factor stands that a cell begins with, lane beside lane; -1 where there is none beside the other
    /// bytes.
    /// </summary>
    static abstract int FactorAt { get; }

    /// <summary>Bytes of that factor: 2 of a binary16 number, or 1.</summary>
    static virtual int FactorBytes => sizeof(ushort);

    /// <summary>Columns that are multiplied before a scale is applied: what activations are rounded by.</summary>
    static abstract int GroupColumns { get; }

    /// <summary>Bytes of a group's activations, as <see cref="Round"/> writes them; a multiple of 4.</summary>
    static abstract int UnitBytes { get; }

    /// <summary>Floats for each lane that <see cref="ReadFactors"/> writes, if there is anything to unpack.</summary>
    static virtual int Factors => 0;

    /// <summary>Rounds the activations of a group.</summary>
    static abstract void Round(float* x, byte* unit);

    /// <summary>Unpacks what all groups of a cell are scaled by.</summary>
    static virtual void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
    }

    /// <summary>Adds the products of a group with rows of activations to sums, [rows, lanes].</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="group">The group in the cell.</param>
    /// <param name="factors">The cell's.</param>
    /// <param name="units">The group's activations, of one row after the other.</param>
    /// <param name="rows">Rows of activations, at least 1.</param>
    /// <param name="sums">[rows, lanes].</param>
    static abstract void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>
    /// Whether <see cref="AddGroupOfTwo"/> is there, for vectors of which the processor has enough to hold a group of two strips: every
    /// activation that is broadcast is multiplied twice then.
    /// </summary>
    static virtual bool TakesTwo<TSimd, TVector>()
        where TSimd : ISimd<TVector>
        where TVector : struct => false;

    /// <summary>Does the same for a cell and the one in the next strip: the same operations for each, in the same order.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="other">The next strip's.</param>
    /// <param name="units">The group's activations, of one row after the other.</param>
    /// <param name="rows">Rows of activations, at least 1.</param>
    /// <param name="sums">[rows, 2, lanes].</param>
    static virtual void AddGroupOfTwo<TSimd, TVector>(byte* cell, byte* other, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct => throw new System.Diagnostics.UnreachableException();
}
