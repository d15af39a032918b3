using MoA.Engine;
using MoA.Engine.Generation;

namespace MoA.Search.Units;

/// <summary>Computes units of one kind.</summary>
internal interface IUnitHandler
{
    /// <summary>The kind.</summary>
    string Kind { get; }

    /// <summary>Computes a unit.</summary>
    /// <param name="model">The model, which nobody else runs meanwhile.</param>
    /// <param name="payload">What the unit is about, perhaps from another machine.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <returns>The result, as the kind's own reader takes it.</returns>
    /// <exception cref="InvalidInputException">The payload is no such unit's, or the unit cannot be computed; one line says why.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation);
}
