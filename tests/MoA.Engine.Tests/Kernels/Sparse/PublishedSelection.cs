using System.Numerics.Tensors;

namespace MoA.Engine.Tests.Kernels.Sparse;

/// <summary>
/// What the official codes of sparse prefill keep, transcribed step by step (microsoft/MInference: minference_forward.py, vertical_slash_index.cu,
/// block_sparse_flash_attention.py, streaming_kernel.py, flexprefill.py, xattention.py), in double precision, for the queries of one head from
/// <c>start</c> on and all keys up to their end.
/// </summary>
internal sealed class PublishedSelection(double[][] queries, double[][] keys)
{
    private int Start => keys.Length - queries.Length;

    /// <summary>How near the nearest decision was to another: less than rounding errors tell nothing.</summary>
    public double Margin { get; private set; } = double.PositiveInfinity;

    public bool[,] Stream(int nInit, int nLocal, int nLast = 0) => Fill((row, key) =>
        row - key < nLocal || key < nInit || row >= keys.Length - nLast);

    public bool[,] VerticalSlash(int verticalSize, int slashSize)
    {
        int qLen = keys.Length, lastQ = Math.Min(64, queries.Length);
        verticalSize = Math.Min(qLen, Math.Max(verticalSize, 30));
        slashSize = Math.Min(qLen, Math.Max(slashSize, 50));
        double[,] qk = Softmax(lastQ);
        double[] vertical = new double[qLen], slash = new double[qLen];
        for (int r = 0; r < lastQ; r++)
        {
            for (int c = 0; c < qLen; c++)
            {
                vertical[c] += qk[r, c];
                int distance = qLen - lastQ + r - c;
                if (distance >= 0)
                    slash[qLen - 1 - distance] += qk[r, c];
            }
        }

        for (int i = 0; i < Math.Min(30, qLen); i++)
            vertical[i] = double.PositiveInfinity;
        for (int i = Math.Max(0, qLen - 100); i < qLen; i++)
            slash[i] = double.PositiveInfinity;
        int[] v = [.. TopK(vertical, verticalSize).Order()];
        // Of the nearest, which are all infinite, topk may take any: the nearest are taken.
        int[] s = [.. TopK(slash, slashSize, lastOfEqual: true).Select(i => qLen - 1 - i).OrderDescending()];
        bool[,] mask = new bool[queries.Length, qLen];
        for (int startM = Start / 64 * 64; startM < qLen; startM += 64)
            Convert(v, s, startM, mask);
        return Fill((row, key) => mask[row - Start, key]);
    }

    public bool[,] BlockSparse(int topK)
    {
        int blocks = (keys.Length + 63) / 64;
        double[][] keyPool = [.. Enumerable.Range(0, blocks).Select(block => Pool(keys, 64 * block, 64 * block + 64, 64))];
        bool[,] mask = new bool[blocks, blocks];
        for (int row = Start / 64; row < blocks; row++)
        {
            double[] query = Pool(queries, (64 * row) - Start, (64 * row) + 64 - Start, 64);
            double[] pooled = [.. Enumerable.Range(0, row + 1).Select(block => TensorPrimitives.Dot<double>(query, keyPool[block]))];
            foreach (int block in TopK(pooled, Math.Min(topK, row + 1)))
                mask[row, block] = true;
        }

        return Fill((row, key) => mask[row / 64, key / 64]);
    }

    public bool[,] FlexPrefill(double gamma, double tau, int minTokens, int maxTokens, int blockSize)
    {
        int seqLen = keys.Length, numBlocks = (seqLen + blockSize - 1) / blockSize, lastQ = Math.Min(blockSize, queries.Length);
        int minBudget = (minTokens + blockSize - 1) / blockSize, maxBudget = Math.Min(numBlocks, (int)Math.Ceiling((double)maxTokens / blockSize));
        if (seqLen <= Math.Max(2 * blockSize, minBudget * blockSize))
            return Fill((_, _) => true);
        double[,] qk = Softmax(lastQ);
        double[] vertical = new double[seqLen], slash = new double[seqLen];
        for (int r = 0; r < lastQ; r++)
        {
            for (int c = 0; c < seqLen; c++)
            {
                vertical[c] += qk[r, c] / lastQ;
                int distance = seqLen - lastQ + r - c;
                if (distance >= 0)
                    slash[seqLen - 1 - distance] += qk[r, c] / lastQ;
            }
        }

        int numVertical = Math.Clamp(ScoreCoverTopK(vertical, gamma) / 128 + 1, minBudget, Math.Max(minBudget, maxBudget));
        int numSlash = Math.Clamp(ScoreCoverTopK(slash, gamma) / 128 + 1, minBudget, Math.Max(minBudget, maxBudget));
        double[] verticalBlocks = SumPool(vertical, blockSize), slashBlocks = SumPool(slash, blockSize);
        double[][] avgK = [.. Enumerable.Range(0, numBlocks).Select(
            block => Pool(keys, block * blockSize, (block + 1) * blockSize, Math.Min(blockSize, seqLen - block * blockSize)))];
        double[] avgQk = SoftmaxOf([.. avgK.Select(k => Dot(Pool(queries, queries.Length - lastQ, queries.Length, lastQ), k))]);
        double distanceOfEstimates = 0;
        for (int i = 0; i < numBlocks; i++)
        {
            double p = avgQk[i], q = verticalBlocks[i], m = (p + q) / 2;
            distanceOfEstimates += 0.5 * p * Math.Log(p / m) + 0.5 * q * Math.Log(q / m);
        }

        bool blockSparse = Math.Sqrt(distanceOfEstimates) < tau;
        Near(Math.Sqrt(distanceOfEstimates), tau);
        if (blockSparse)
            numVertical = numSlash = minBudget;
        verticalBlocks[0] = slashBlocks[^1] = double.PositiveInfinity;
        bool[,] mask = new bool[numBlocks, numBlocks];
        foreach (int s in TopK(slashBlocks, Math.Min(numBlocks, numSlash)).Select(i => numBlocks - 1 - i))
        {
            for (int row = s; row < numBlocks; row++)
                mask[row, row - s] = true;
        }

        foreach (int v in TopK(verticalBlocks, Math.Min(numBlocks, numVertical)))
        {
            for (int row = v; row < numBlocks; row++)
                mask[row, v] = true;
        }

        if (blockSparse)
        {
            int first = Start / blockSize;
            List<(double Score, int Row, int Column)> attn = [];
            for (int row = first; row < numBlocks; row++)
            {
                int from = Math.Max(0, row * blockSize - Start), to = Math.Min(queries.Length, (row + 1) * blockSize - Start);
                double[] avgQ = Pool(queries, from, to, to - from);
                attn.AddRange(SoftmaxOf([.. avgK.Take(row + 1).Select(k => Dot(avgQ, k))]).Select((score, column) => (score, row, column)));
            }

            double sum = 0;
            foreach ((double score, int row, int column) in attn.OrderByDescending(entry => entry.Score))
            {
                sum += score;
                Near(sum, gamma * (numBlocks - first));
                if (sum > gamma * (numBlocks - first))
                    break;
                mask[row, column] = true;
            }
        }

        return Fill((row, key) => mask[row / blockSize, key / blockSize]);
    }

    public bool[,] XAttention(double threshold, int stride, int blockSize)
    {
        int size = keys[0].Length, groups = (keys.Length + stride - 1) / stride, blocks = (keys.Length + blockSize - 1) / blockSize;
        double[,] attnSum = new double[blocks, blocks];
        for (int i = Start / stride; i < groups; i++)
        {
            double[] weights = SoftmaxOf([.. Enumerable.Range(0, i + 1).Select(j => Enumerable.Range(0, stride).Sum(
                part => TensorPrimitives.Dot<double>(At(queries, i * stride + stride - 1 - part - Start, size), At(keys, j * stride + part, size)))
                / Math.Sqrt(size) / stride)]);
            for (int j = 0; j <= i; j++)
                attnSum[i * stride / blockSize, j * stride / blockSize] += weights[j];
        }

        bool[,] mask = new bool[blocks, blocks];
        for (int row = Start / blockSize; row < blocks; row++)
        {
            double total = Enumerable.Range(0, blocks).Sum(column => attnSum[row, column]);
            mask[row, 0] = mask[row, row] = true;
            double sum = Enumerable.Range(0, blocks).Where(column => mask[row, column]).Sum(column => attnSum[row, column]);
            foreach (int column in Enumerable.Range(0, row).Where(column => column > 0).OrderByDescending(column => attnSum[row, column]))
            {
                Near(sum, threshold * total);
                if (sum >= threshold * total)
                    break;
                mask[row, column] = true;
                sum += attnSum[row, column];
            }
        }

        return Fill((row, key) => mask[row / blockSize, key / blockSize]);
    }

    // convert_vertical_slash_indexes_kernel for the block of queries that starts at startM.
    private void Convert(int[] vertical, int[] slash, int startM, bool[,] mask)
    {
        const int Size = 64;
        int endM = startM + Size, s = 0, v = 0;
        int vIdx = vertical[v++], sIdx = slash[s++];
        while (sIdx >= endM)
            sIdx = slash[s++];
        sIdx = Math.Max(endM - sIdx, Size);
        int rangeStart = sIdx - Size, rangeEnd = sIdx;
        while (true)
        {
            if (vIdx < rangeEnd)
            {
                if (vIdx < rangeStart)
                    Keep(vIdx, vIdx + 1);
                vIdx = v < vertical.Length ? vertical[v++] : endM + Size;
                continue;
            }

            if (s >= slash.Length)
            {
                Keep(rangeStart, rangeEnd);
                break;
            }

            sIdx = Math.Max(endM - slash[s++], Size);
            if (sIdx > rangeEnd + Size)
            {
                Keep(rangeStart, rangeEnd);
                (rangeStart, rangeEnd) = (sIdx - Size, sIdx);
            }
            else if (sIdx > rangeEnd)
            {
                rangeEnd += Size;
            }
        }

        void Keep(int first, int end)
        {
            for (int row = Math.Max(startM, Start); row < Math.Min(endM, keys.Length); row++)
            {
                for (int key = first; key < Math.Min(end, keys.Length); key++)
                    mask[row - Start, key] = true;
            }
        }
    }

    private bool[,] Fill(Func<int, int, bool> sees)
    {
        bool[,] mask = new bool[queries.Length, keys.Length];
        for (int row = Start; row < keys.Length; row++)
        {
            for (int key = 0; key <= row; key++)
                mask[row - Start, key] = sees(row, key);
        }

        return mask;
    }

    private double[,] Softmax(int lastQ)
    {
        double[,] weights = new double[lastQ, keys.Length];
        for (int r = 0; r < lastQ; r++)
        {
            double[] row = SoftmaxOf([.. keys.Take(keys.Length - lastQ + r + 1).Select(k => Dot(queries[queries.Length - lastQ + r], k))]);
            for (int c = 0; c < row.Length; c++)
                weights[r, c] = row[c];
        }

        return weights;
    }

    private int[] TopK(double[] values, int k, bool lastOfEqual = false)
    {
        int[] order = [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => lastOfEqual ? -i : i)];
        if (k < order.Length)
            Near(values[order[k - 1]], values[order[k]]);
        return order[..k];
    }

    private int ScoreCoverTopK(double[] values, double score)
    {
        int count = 0;
        double sum = 0;
        foreach (double value in values.OrderDescending())
        {
            sum += value;
            if ((count + 1) % 128 == 127 || count % 128 == 127)
                Near(sum, score);
            if (sum > score)
                break;
            count++;
        }

        return count + 1;
    }

    // Infinities are equal on purpose, and any of them may be taken.
    private void Near(double a, double b)
    {
        if (!double.IsInfinity(a) || !double.IsInfinity(b))
            Margin = Math.Min(Margin, Math.Abs(a - b) / Math.Max(1e-12, Math.Max(Math.Abs(double.IsInfinity(a) ? 0 : a), Math.Abs(b))));
    }

    private static double[] SumPool(double[] values, int size) => [.. values.Chunk(size).Select(chunk => chunk.Sum())];

    private static double[] At(double[][] rows, int index, int size) => index >= 0 && index < rows.Length ? rows[index] : new double[size];

    private static double[] Pool(double[][] rows, int from, int to, int divisor)
    {
        double[] mean = new double[rows[0].Length];
        for (int row = Math.Max(0, from); row < Math.Min(to, rows.Length); row++)
            TensorPrimitives.Add<double>(mean, rows[row], mean);
        TensorPrimitives.Divide(mean, divisor, mean);
        return mean;
    }

    private static double Dot(double[] a, double[] b) => TensorPrimitives.Dot<double>(a, b) / Math.Sqrt(a.Length);

    private static double[] SoftmaxOf(double[] scores)
    {
        double largest = scores.Max();
        double[] weights = [.. scores.Select(score => Math.Exp(score - largest))];
        double sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }
}
