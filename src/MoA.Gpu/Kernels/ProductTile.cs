using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// A tile of 64×64 of a product, which a group of 64 threads works on, each with 8×8 sums in registers. A slice of both factors
/// stands in shared memory, [32, 64] each: what is summed over runs along its rows. Sums in F32, in an order that depends on the
/// shape alone.
/// </summary>
internal struct ProductTile
{
    public const int Size = 64, Depth = 32, ThreadsPerGroup = 64;

    /// <summary>[32, 64] floats.</summary>
    public ArrayView<Quad> Left, Right;

    public TileSums Sums;

    /// <summary>Starts with sums of zero.</summary>
    public static ProductTile Start() => new()
    {
        Left = SharedMemory.Allocate<Quad>(Depth * Size / 4),
        Right = SharedMemory.Allocate<Quad>(Depth * Size / 4),
        Sums = default,
    };

    /// <summary>Adds the product of the slices once all threads have filled them; then they may be filled again.</summary>
    public void Multiply()
    {
        Group.Barrier();
        int left = Group.IdxX / 8, right = Group.IdxX % 8;
        for (int k = 0; k < Depth * Size / 4; k += Size / 4)
            Sums.AddOuter(Octet.Of(Left[k + left], Left[k + left + 8]), Octet.Of(Right[k + right], Right[k + right + 8]));
        Group.Barrier();
    }

    /// <summary>Writes the sums.</summary>
    public readonly void Store(TileTarget target) => Sums.Store(target, Group.IdxX / 8 * 4, Group.IdxX % 8);

    /// <summary>
    /// Fills a slice from rows that are summed over: slice[k, i] = x[from + k, i]. Rows from <paramref name="to"/> on are zero;
    /// what stands beyond the last quad comes from it, and must not be stored.
    /// </summary>
    /// <param name="slice">The slice.</param>
    /// <param name="x">Floats.</param>
    /// <param name="first">The first quad of row 0.</param>
    /// <param name="stride">Quads from one row to the next.</param>
    /// <param name="from">The first row.</param>
    /// <param name="to">The row after the last.</param>
    /// <param name="quads">Quads that exist; more than 16 do not matter.</param>
    public static void FillAcross(ArrayView<Quad> slice, ArrayView<Quad> x, long first, long stride, int from, int to, int quads)
    {
        int quad = Math.Min(Group.IdxX % 16, quads - 1);
        for (int k = Group.IdxX / 16; k < Depth; k += ThreadsPerGroup / 16)
        {
            Quad numbers = default;
            if (from + k < to)
                numbers = x[first + (from + k) * stride + quad];
            slice[k * (Size / 4) + Group.IdxX % 16] = numbers;
        }
    }

    /// <summary>
    /// Fills a slice from rows along which is summed: slice[k, i] = x[i, 4·from + k]. Quads from <paramref name="to"/> on are zero; what
    /// stands beyond the last row comes from it, and must not be stored.
    /// </summary>
    /// <param name="slice">The slice.</param>
    /// <param name="x">Floats.</param>
    /// <param name="first">The first quad of row 0.</param>
    /// <param name="stride">Quads from one row to the next.</param>
    /// <param name="from">The first quad.</param>
    /// <param name="to">The quad after the last.</param>
    /// <param name="rows">Rows that exist; more than 64 do not matter.</param>
    public static void FillAlong(ArrayView<Quad> slice, ArrayView<Quad> x, long first, long stride, int from, int to, int rows)
    {
        // Half a warp takes sixteen rows, so that the words that it writes lie in different banks, and two quads make a sector.
        ArrayView<float> numbers = slice.Cast<float>();
        for (int quad = Group.IdxX / 16; quad < Depth / 4; quad += ThreadsPerGroup / 16)
        {
            for (int row = Group.IdxX % 16; row < Size; row += 16)
            {
                Quad four = default;
                if (from + quad < to)
                    four = x[first + Math.Min(row, rows - 1) * stride + from + quad];
                int at = 4 * quad * Size + row;
                numbers[at] = four.FloatX;
                numbers[at + Size] = four.FloatY;
                numbers[at + 2 * Size] = four.FloatZ;
                numbers[at + 3 * Size] = four.FloatW;
            }
        }
    }
}
