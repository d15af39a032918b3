using ILGPU;
using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Of every block of 64×64 of a panel: Σ |E| with E = A·(G − S), S the mean of G over the other keys, weighted by e. Scores become
/// probabilities A, and G the gradient of the scores, A·(G − mean)/√d = E·(1 − A)/√d: no cancellation there either. A query that sees
/// one key only has nothing to compare with: there E = G. A group of threads a block.
/// </summary>
internal struct InfluenceBlock : IDeviceKernel
{
    private const int Block = ElasticRule.BlockSize;

    public AttentionPanel Panel;

    /// <summary>What <see cref="InfluenceSums"/> found.</summary>
    public ArrayView<Quad> Sums;

    /// <summary>[query heads of the model, blocks, blocks].</summary>
    public ArrayView<float> Influence;

    /// <summary>Blocks of the item.</summary>
    public int Blocks;

    /// <summary>Of scores: log2 e/√d.</summary>
    public float Scale;

    /// <summary>1/√d.</summary>
    public float GradientScale;

    /// <summary>Groups of a launch.</summary>
    public readonly long Tiles => (long)Panel.QueryHeads * Panel.QueryBlocks * Panel.KeyBlocks;

    /// <inheritdoc/>
    public readonly void Run()
    {
        ArrayView<float> sums = SharedMemory.Allocate<float>(ProductTile.ThreadsPerGroup / Device.DeviceSession.SmallestWarp);
        int keyBlock = Grid.IdxX % Panel.KeyBlocks + Panel.FirstKeyBlock, rest = Grid.IdxX / Panel.KeyBlocks;
        int queryBlock = rest % Panel.QueryBlocks + Panel.FirstQueryBlock, head = rest / Panel.QueryBlocks;
        if (keyBlock > queryBlock || keyBlock < Panel.OldestBlock(queryBlock))
            return;
        int quad = Group.IdxX % (Block / 4);
        long start = Panel.At(head, queryBlock, keyBlock) + quad;
        long sumsAt = ((long)head * Panel.QueryBlocks + queryBlock - Panel.FirstQueryBlock) * Block;
        float sum = 0;
        for (int row = Group.IdxX / (Block / 4); row < Block; row += ProductTile.ThreadsPerGroup / (Block / 4))
        {
            long at = start + (long)row * Panel.Stride;
            int query = queryBlock * Block + row;
            Positions four = default;
            if (query < Panel.Rows)
            {
                SeenKeys seen = SeenKeys.Of(Panel, query, keyBlock);
                Quad scores = seen.Only(Panel.Weights[at], quad), gradients = Panel.Gradients[at];
                four.Begin(Sums[sumsAt + row], Scale, GradientScale);
                four.A = four.Take(scores.FloatX, gradients.FloatX);
                four.B = four.Take(scores.FloatY, gradients.FloatY);
                four.C = four.Take(scores.FloatZ, gradients.FloatZ);
                four.D = four.Take(scores.FloatW, gradients.FloatW);
            }

            sum += four.Absolute;
            Panel.Weights[at] = Quad.Of(four.A.Weight, four.B.Weight, four.C.Weight, four.D.Weight);
            Panel.Gradients[at] = Quad.Of(four.A.Gradient, four.B.Gradient, four.C.Gradient, four.D.Gradient);
        }

        sums[Group.IdxX / Threads.PerWarp] = LaneSum.OfWarp(sum);
        Group.Barrier();
        if (Group.IdxX != 0)
            return;
        sum = sums[0];
        for (int warp = 1; warp < ProductTile.ThreadsPerGroup / Threads.PerWarp; warp++)
            sum += sums[warp];
        Influence[((Panel.FirstHead * Panel.Group + head) * Blocks + queryBlock) * Blocks + keyBlock] = sum;
    }

    private struct Position
    {
        public float Weight, Gradient;
    }

    private struct Positions
    {
        public Position A, B, C, D;

        public float Absolute;

        private float _largest, _others, _otherProducts, _sum, _products, _scale, _gradientScale;

        public void Begin(Quad sums, float scale, float gradientScale)
        {
            _largest = sums.FloatX;
            _others = sums.FloatY;
            _otherProducts = sums.FloatZ;
            _sum = sums.FloatY + 1;
            _products = sums.FloatZ + sums.FloatW;
            _scale = scale;
            _gradientScale = gradientScale;
        }

        public Position Take(float score, float gradient)
        {
            if (score <= SeenKeys.Hidden)
                return default;
            float e = IntrinsicMath.CPUOnly.Exp2((score - _largest) * _scale);
            bool large = 2 * e > _sum;
            float without = large ? _others : _sum - e;
            // Devices take numbers below the normal ones for zero.
            float mean = without > 0 ? (large ? _otherProducts : _products - e * gradient) / without : 0;
            float weight = e / _sum, influence = weight * (gradient - mean);
            Absolute += Math.Abs(influence);
            return new Position { Weight = weight, Gradient = influence * (without / _sum * _gradientScale) };
        }
    }
}
