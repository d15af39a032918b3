using System.Diagnostics.CodeAnalysis;
using MoA.Engine.Energy;

namespace MoA.Engine.Kernels;

/// <summary>What can be read off a device that has memory of its own; of the processor the system tells it.</summary>
internal abstract class DeviceGauge
{
    /// <summary>Bytes of the device's memory that can still be taken.</summary>
    public abstract long FreeBytes { get; }

    /// <summary>Starts a new <see cref="ComputeBackend.PeakBytes"/> at what is allocated now.</summary>
    public abstract void ResetPeak();

    /// <summary>Bytes that the device reads and writes in a second when it copies its own memory, measured now. The first call takes some, which
    /// no model's memory counts.</summary>
    /// <exception cref="InvalidInputException">There is too little memory.</exception>
    public abstract double CopyBandwidth();

    /// <summary>Opens the counter of the device's energy.</summary>
    /// <param name="meter">The meter; null where there is none.</param>
    /// <param name="whyNot">Why there is none, in one line.</param>
    public abstract bool TryOpenMeter([NotNullWhen(true)] out EnergyMeter? meter, [NotNullWhen(false)] out string? whyNot);
}
