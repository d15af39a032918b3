using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// The one place through which profiling calls the kernels of a backward pass, as <see cref="ComputeBackend"/> is for
/// the forward pass; each backend makes its own. Gradients are those of the loss for activations; no weight gets one.
/// </summary>
internal abstract class GradientKernels : IDisposable
{
    /// <summary>y[row] = x[row] for the first <paramref name="rows"/> rows.</summary>
    public abstract void Copy(Tensor x, int rows, Tensor y);

    /// <summary>Sets the first <paramref name="rows"/> rows to zero.</summary>
    public abstract void Clear(Tensor x, int rows);

    /// <summary>Whether the first <paramref name="rows"/> rows hold no NaN and no infinity.</summary>
    public abstract bool IsFinite(Tensor x, int rows);

    /// <summary>y[rows[i]] = x[i].</summary>
    public abstract void Scatter(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>Of y = x·W' + b: dx (+)= dy·W.</summary>
    public abstract void ProjectGradient(Tensor dy, int rows, WeightTensor weight, Tensor dx, bool accumulate = false);

    /// <summary>
    /// Of y = rmsnorm(x), over rows of <c>weight.Columns</c> elements. <paramref name="dx"/> may be
    /// <paramref name="dy"/>.
    /// </summary>
    public abstract void RmsNormGradient(
        Tensor x, int rows, WeightTensor weight, float epsilon, Tensor dy, Tensor dx, bool accumulate = false);

    /// <summary>
    /// Of y = activation(gate)·up: the gradients replace <paramref name="gate"/> and <paramref name="up"/>.
    /// </summary>
    public abstract void ActivationGradient(Activation activation, Tensor gate, Tensor up, Tensor dy, int rows);

    /// <summary>
    /// Of y = Σ weight·output over the experts of each row: the gradients of the outputs, which are in <see cref="ExpertWork.Outputs"/>,
    /// and of the router's scores replace these. Which experts a row uses is held fixed.
    /// </summary>
    /// <param name="dy">[rows, hidden].</param>
    /// <param name="work">The choice, its scores, weights and outputs.</param>
    /// <param name="isNormalized">Whether weights are a softmax over the chosen experts' scores alone.</param>
    public virtual void ExpertSumGradient(Tensor dy, ExpertWork work, bool isNormalized) => throw new NotSupportedException();

    /// <summary>y[row] = Σ of the rows of <see cref="ExpertWork.Outputs"/> at the row's places.</summary>
    public virtual void SumPlaces(ExpertWork work, Tensor y) => throw new NotSupportedException();

    /// <summary>
    /// Of weight·Σ(−log softmax(logits)[target]): the gradient replaces the logits; each row's −log
    /// softmax(logits)[target], unweighted, goes to <paramref name="losses"/>.
    /// </summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="targets">One for each row.</param>
    /// <param name="weight">Of every row.</param>
    /// <param name="losses">One for each row.</param>
    /// <param name="softCap">c where the softmax is over c·tanh(logits/c), above 0; 0 where it is over the logits.</param>
    public abstract void CrossEntropyGradient(
        Tensor logits, ReadOnlySpan<int> targets, float weight, Span<double> losses, float softCap = 0);

    /// <summary>Causal attention of an item from its first token on; nothing is rounded, as a cache would.</summary>
    /// <param name="shape">Rows, heads, window, and what becomes of scores.</param>
    /// <param name="queries">[rows, queryHeads·d], after RoPE.</param>
    /// <param name="keys">[rows, keyValueHeads·d], after RoPE.</param>
    /// <param name="values">[rows, keyValueHeads·d].</param>
    /// <param name="outputs">[rows, queryHeads·d].</param>
    public abstract void Attend(in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs);

    /// <summary>
    /// Of causal attention: influence of every 64×64 block of positions (docs/method.md, section 3) and, if wanted, the
    /// gradients of queries, keys and values, which replace them.
    /// </summary>
    /// <param name="shape">Rows, heads, window, and what becomes of scores.</param>
    /// <param name="queries">[rows, queryHeads·d], after RoPE.</param>
    /// <param name="keys">[rows, keyValueHeads·d], after RoPE.</param>
    /// <param name="values">[rows, keyValueHeads·d].</param>
    /// <param name="outputGradient">[rows, queryHeads·d], at the heads' outputs.</param>
    /// <param name="influence">[queryHeads, blocks, blocks], blocks = ⌈rows/64⌉; overwritten.</param>
    /// <param name="withGradients">False where nobody needs the gradients: the tensors stay as they are.</param>
    public abstract void AttentionGradient(
        in AttentionShape shape,
        Tensor queries,
        Tensor keys,
        Tensor values,
        Tensor outputGradient,
        Span<float> influence,
        bool withGradients);

    /// <inheritdoc/>
    public abstract void Dispose();
}
