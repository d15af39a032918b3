namespace MoA.Evaluation.Policies;

/// <summary>A rule by which it is measured how much heads need the whole context.</summary>
internal enum HeadRule
{
    /// <summary>KVzip's (arXiv 2505.23416): the most attention that any row gets while the text is repeated; over several texts the largest.</summary>
    KvZip,

    /// <summary>
    /// NVIDIA/kvpress's for DuoAttention (<c>duo_attention_on_the_fly</c>): how far back the mean query of a text looks among as many copies of its mean key; over
    /// several texts the mean.
    /// </summary>
    Duo,
}
