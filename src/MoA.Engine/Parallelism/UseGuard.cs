namespace MoA.Engine.Parallelism;

/// <summary>
/// Who uses an object that lives in native memory, and whether it was disposed. A use that must not be is refused with an
/// exception before anything is touched; disposal waits for uses under way. Taken once a forward pass, never within one, and
/// allocates nothing.
/// </summary>
/// <param name="what">The object in a sentence: "The caches are in use".</param>
/// <param name="type">The public type that was disposed.</param>
internal sealed class UseGuard(string what, Type type)
{
    private const int Free = 0;
    private const int Alone = -1;
    private const int Disposed = int.MinValue;

    // Above 0: so many share it.
    private int _state;

    /// <summary>Takes the object for one user alone, until what is returned is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    /// <exception cref="InvalidOperationException">Somebody else uses it.</exception>
    public Use TakeAlone()
    {
        int state = Interlocked.CompareExchange(ref _state, Alone, Free);
        return state == Free ? new Use(this) : throw Refusal(state);
    }

    /// <summary>Takes the object for one of several users that do not change it.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    /// <exception cref="InvalidOperationException">Somebody uses it alone.</exception>
    public Use TakeShared()
    {
        int state = Volatile.Read(ref _state);
        while (state >= Free)
        {
            int seen = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (seen == state)
                return new Use(this);
            state = seen;
        }

        throw Refusal(state);
    }

    /// <summary>Refuses what needs no guard for its duration, but an object that is still there.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _state) == Disposed, type);

    /// <summary>
    /// Waits until nobody uses the object and refuses every later use. False if it was disposed before.
    /// </summary>
    public bool Close()
    {
        SpinWait wait = default;
        while (true)
        {
            switch (Interlocked.CompareExchange(ref _state, Disposed, Free))
            {
                case Free:
                    return true;
                case Disposed:
                    return false;
                default:
                    wait.SpinOnce();
                    break;
            }
        }
    }

    private Exception Refusal(int state) => state == Disposed
        ? new ObjectDisposedException(type.FullName)
        : new InvalidOperationException($"{what} in use by another caller: one at a time.");

    /// <summary>Ends a use.</summary>
    public void Release()
    {
        if (Interlocked.CompareExchange(ref _state, Free, Alone) != Alone)
            _ = Interlocked.Decrement(ref _state);
    }

    /// <summary>A use, which ends when this is disposed; once.</summary>
    internal readonly ref struct Use(UseGuard guard)
    {
        /// <summary>Ends the use.</summary>
        public void Dispose() => guard.Release();
    }
}
