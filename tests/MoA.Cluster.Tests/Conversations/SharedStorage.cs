using System.Collections.Concurrent;
using System.Globalization;
using MoA.Cluster.Conversations;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace MoA.Cluster.Tests.Conversations;

/// <summary>Storage that outlives members, as a database does.</summary>
internal sealed class SharedStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<GrainId, (ConversationState State, int Version)> _states = [];

    /// <summary>Whether it cannot be reached.</summary>
    public bool IsDown { get; set; }

    /// <summary>Conversations that it knows.</summary>
    public int Count => _states.Count;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsDown)
            throw new IOException("the storage is down");
        if (_states.TryGetValue(grainId, out (ConversationState State, int Version) stored))
            (grainState.State, grainState.ETag, grainState.RecordExists) = ((T)(object)Copy(stored.State), stored.Version.ToString(CultureInfo.InvariantCulture), true);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsDown)
            throw new IOException("the storage is down");
        int version = _states.TryGetValue(grainId, out (ConversationState State, int Version) stored) ? stored.Version : 0;
        if ((grainState.ETag ?? "0") != version.ToString(CultureInfo.InvariantCulture))
            throw new InconsistentStateException("another one has written", version.ToString(CultureInfo.InvariantCulture), grainState.ETag);
        _states[grainId] = (Copy((ConversationState)(object)grainState.State!), version + 1);
        grainState.ETag = (version + 1).ToString(CultureInfo.InvariantCulture);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();

    private static ConversationState Copy(ConversationState state) =>
        new() { Member = state.Member, Length = state.Length, Keys = [.. state.Keys], Tokens = [.. state.Tokens] };
}
