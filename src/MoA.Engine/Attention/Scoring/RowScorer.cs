namespace MoA.Engine.Attention.Scoring;

/// <summary>
/// What the rows of a head are worth: by this an <see cref="EvictionPolicy"/> chooses among them when a prompt has been read. A scorer says what
/// must be remembered of the text until then; kernels do the sums.
/// </summary>
internal abstract record RowScorer
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>How many queries at the end of a prompt are kept until rows are chosen.</summary>
    public virtual int ObservedQueries => 0;

    /// <summary>Whether every token changes the scores when it is read or written, rather than the prompt's end alone.</summary>
    public virtual bool ScoresEveryToken => false;

    /// <summary>Whether all heads of a layer go by the mean of their scores, and so keep the same tokens.</summary>
    public virtual bool IsOfLayer => false;

    /// <summary>Whether the prompt is read a second time before rows are chosen.</summary>
    public virtual bool ReadsTwice => false;

    /// <summary>Whether the rows of a text that goes on can be judged by what was read so far; else the whole prompt is needed.</summary>
    public virtual bool JudgesBeginnings => false;

    /// <summary>How scores are smoothed before rows are chosen.</summary>
    public virtual ScorePooling Pooling => ScorePooling.None;

    /// <summary>The first tokens of the text that stay whatever their scores.</summary>
    public virtual int SinkTokens => 0;

    /// <summary>The last tokens that stay whatever their scores.</summary>
    /// <param name="rows">Rows that the head keeps.</param>
    public virtual int RecentTokens(int rows) => 0;
}
