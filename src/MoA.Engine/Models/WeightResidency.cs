namespace MoA.Engine.Models;

/// <summary>Where the processor reads a model's weights from. A device always has them in memory of its own.</summary>
public enum WeightResidency
{
    /// <summary>Copied if the memory that is available has room for it (<see cref="WeightRoom.IsAmple"/>), else mapped.</summary>
    Auto,

    /// <summary>Where they were loaded, in mapped files: nothing is copied, and other processes that map them share the memory. Steps of a few
    /// rows are several times slower, since each lays out anew what it reads.</summary>
    Mapped,

    /// <summary>From a copy in the process's own memory, laid out for products, in huge pages where the system gives them.</summary>
    Copied,
}
