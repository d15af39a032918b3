using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>A conversation: the model's chat template is applied, and the loss counts assistant contents only, each with
/// its end-of-turn token.</summary>
/// <param name="Messages">The messages in order, at least one; roles are system, user and assistant.</param>
internal sealed record MessagesItem(IReadOnlyList<ChatMessage> Messages) : CalibrationItem
{
    /// <inheritdoc/>
    public override bool HasAnswers => Messages.Any(message => message.Role == ChatRole.Assistant);

    /// <summary>Equal labels and equal messages.</summary>
    public bool Equals(MessagesItem? other) => base.Equals(other) && Messages.SequenceEqual(other!.Messages);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(base.GetHashCode(), Messages.Count, Messages.Count > 0 ? Messages[^1] : null);
}
