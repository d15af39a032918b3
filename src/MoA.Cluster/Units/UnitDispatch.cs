using System.Net.Sockets;
using System.Threading.Channels;
using MoA.Cluster.Members;
using MoA.Engine;
using MoA.Search.Units;
using Orleans.Runtime;

namespace MoA.Cluster.Units;

/// <summary>
/// Hands the units of one step to the members and takes their results: one loop, to which questions under way and the list of members report.
/// Each member has one unit under way and, as long as there are enough, one that waits there.
/// </summary>
internal sealed class UnitDispatch(
    IGrainFactory grains, UnitModel model, ClusterWorkersOptions options, UnitSchedule schedule, Dictionary<string, UnitMember> members)
{
    private readonly Channel<Action> _events = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private long? _aloneSince;
    private bool _isLookedFor;

    /// <summary>Returns when all units are computed and their results taken.</summary>
    /// <exception cref="InvalidInputException">No member takes part, or a unit cannot be computed for what was asked for.</exception>
    /// <exception cref="IOException">A unit failed again and again, or all members are gone.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task looking = LookForMembersAsync(stop.Token);
        try
        {
            while (!schedule.IsDone)
            {
                HandOut(stop.Token);
                Action happened = await _events.Reader.ReadAsync(cancellation).ConfigureAwait(false);
                happened();
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await looking.ConfigureAwait(false);
            await DropAsync([.. members.Values.SelectMany(member => member.Errands)]).ConfigureAwait(false);
        }
    }

    private void HandOut(CancellationToken stop)
    {
        UnitMember[] usable = [.. members.Values.Where(member => member.IsUsable)];
        string[] addresses = [.. usable.Select(member => member.Address)];
        foreach (int most in new[] { 1, 2 })
        {
            foreach (UnitMember member in usable)
            {
                // Near the end a unit goes to who begins it first.
                if (member.Errands.Count(errand => !errand.IsComputed) >= most || (most > 1 && schedule.Free < usable.Length))
                    continue;
                if (!schedule.TryTake(member.Address, addresses, out int index, out WorkUnit? unit))
                    continue;
                _ = CarryOutAsync(new UnitErrand(member, index, unit, stop));
            }
        }
    }

    private async Task CarryOutAsync(UnitErrand errand)
    {
        Action? end;
        try
        {
            end = await AskAsync(errand).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (errand.Cancellation.IsCancellationRequested)
        {
            return;
        }
        catch (Exception failure)
        {
            end = () => Fail(errand, new UnitFailure($"{failure.GetType().Name}: {failure.Message}".ReplaceLineEndings(" "), IsInput: false));
        }

        _ = _events.Writer.TryWrite(() =>
        {
            if (errand.Cancellation.IsCancellationRequested)
                return; // it was taken from the member meanwhile
            errand.End();
            end();
        });
    }

    // Until there is an answer other than that there is none yet; what then is to happen.
    private async Task<Action> AskAsync(UnitErrand errand)
    {
        IUnitGrain grain = grains.GetGrain<IUnitGrain>(errand.Member.Address);
        UnitCall call = new(model, errand.Unit.Kind, errand.Unit.Id, errand.Unit.Payload);
        long answered = Environment.TickCount64;
        while (true)
        {
            errand.Cancellation.ThrowIfCancellationRequested();
            try
            {
                UnitReply reply = await grain.Ask(call).WaitAsync(options.Answer, errand.Cancellation).ConfigureAwait(false);
                answered = Environment.TickCount64;
                if (reply.Bytes > reply.Piece.Length)
                    _ = _events.Writer.TryWrite(() => errand.IsComputed = true); // the member can begin the next
                switch (reply.State)
                {
                    case UnitState.Done when await FetchAsync(grain, call.Key, reply, errand.Cancellation).ConfigureAwait(false) is byte[] result:
                        grain.Drop([call.Key]).Ignore();
                        return () => schedule.Finish(errand.Index, result);
                    case UnitState.Failed:
                        grain.Drop([call.Key]).Ignore();
                        return () => Fail(errand, new UnitFailure(reply.Reason, reply.IsInput));
                    case UnitState.Refused:
                        grain.Drop([call.Key]).Ignore();
                        return () => Refuse(errand, reply.Reason);
                    case UnitState.Leaving:
                        return () => Leave(errand);
                }
            }
            catch (MemberLostException)
            {
                return () => Lose(errand);
            }
            catch (Exception failure) when (failure is OrleansException or TimeoutException or IOException or SocketException)
            {
                if (Environment.TickCount64 - answered > options.Silence.TotalMilliseconds)
                    return () => Lose(errand);
                await Task.Delay(300, errand.Cancellation).ConfigureAwait(false);
            }
        }
    }

    // Null where the member does not have it any more.
    private async Task<byte[]?> FetchAsync(IUnitGrain grain, string key, UnitReply reply, CancellationToken cancellation)
    {
        if (reply.Piece.Length == reply.Bytes)
            return reply.Piece;
        byte[] result = new byte[reply.Bytes];
        byte[]? piece = reply.Piece;
        for (int offset = 0; piece is { Length: > 0 } && piece.Length <= result.Length - offset;)
        {
            piece.CopyTo(result, offset);
            offset += piece.Length;
            if (offset == result.Length)
                return result;
            piece = await grain.Read(key, offset).WaitAsync(options.Answer, cancellation).ConfigureAwait(false);
        }

        return null;
    }

    private void Fail(UnitErrand errand, UnitFailure failure)
    {
        schedule.Fail(errand.Index, errand.Member.Address, failure);
        options.Note($"{errand.Unit.Title} failed on {errand.Member.Name}: {failure.Reason}; it is tried again");
    }

    private void Refuse(UnitErrand errand, string reason)
    {
        schedule.GiveBack(errand.Index);
        if (errand.Member.Refusal is not null)
            return;
        errand.Member.Refusal = reason;
        options.Note($"{errand.Member.Name} takes no part: {reason}");
        CheckWhetherAnybodyIsLeft();
    }

    private void Leave(UnitErrand errand)
    {
        errand.Member.IsLeaving = true;
        schedule.GiveBack(errand.Index);
    }

    private void Lose(UnitErrand errand)
    {
        schedule.GiveBack(errand.Index);
        Lose(errand.Member);
    }

    private void Lose(UnitMember member)
    {
        if (!member.IsThere)
            return;
        member.IsThere = false;
        foreach (UnitErrand errand in member.Errands.ToArray())
        {
            errand.End();
            schedule.GiveBack(errand.Index);
        }

        options.Note($"{member.Name} is lost; others compute what it had");
    }

    private async Task LookForMembersAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                IReadOnlyList<MemberReport>? found = null;
                try
                {
                    found = await MemberList.ReadAsync(grains).WaitAsync(options.Answer, stop).ConfigureAwait(false);
                }
                catch (Exception failure) when (failure is OrleansException or TimeoutException or IOException or SocketException)
                {
                    // Nobody answers now; whoever has units is given up when it does not answer for them either.
                }

                _ = _events.Writer.TryWrite(() => Update(found));
                await Task.Delay(options.Interval, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The run is over.
        }
    }

    // Those who have units are given up by their silence alone: the list may miss one that is merely busy.
    private void Update(IReadOnlyList<MemberReport>? found)
    {
        List<string> arrived = [];
        foreach (MemberReport report in found?.Where(report => report.Units.AreTaken) ?? [])
        {
            if (!members.TryGetValue(report.Address, out UnitMember? member))
                members[report.Address] = member = new UnitMember(report);
            if (!member.IsThere)
                arrived.Add(report.Name);
            member.IsThere = true;
            member.IsLeaving = report.IsDraining;
        }

        foreach (UnitMember gone in members.Values.Where(
            member => member.Errands.Count == 0 && found is not null && found.All(report => report.Address != member.Address)))
        {
            gone.IsThere = false;
        }

        if (arrived.Count > 0)
            options.Note($"{(_isLookedFor ? "joined" : "searching on")}: {string.Join(", ", arrived)}");
        _isLookedFor = true;
        CheckWhetherAnybodyIsLeft();
    }

    private void CheckWhetherAnybodyIsLeft()
    {
        UnitMember[] there = [.. members.Values.Where(member => member.IsThere)];
        if (there.Any(member => member.Refusal is null && !member.IsLeaving) || there.Any(member => member.Errands.Count > 0))
        {
            _aloneSince = null;
            return;
        }

        if (there.Length > 0 && there.All(member => member.Refusal is not null))
        {
            throw new InvalidInputException(
                $"no member of the cluster can take part: {string.Join("; ", there.Select(member => $"{member.Name} {member.Refusal}"))}");
        }

        if (_aloneSince is null)
        {
            _aloneSince = Environment.TickCount64;
            options.Note($"the cluster has no member that computes; waiting {options.Patience.TotalSeconds:0} s for one (start it with 'moa worker --cluster …')");
        }
        else if (Environment.TickCount64 - _aloneSince > options.Patience.TotalMilliseconds)
        {
            throw new IOException($"the cluster has had no member that computes for {options.Patience.TotalSeconds:0} s; what was finished is kept: start 'moa worker --cluster …', and this again");
        }
    }

    // Best effort: what is not dropped now is when nobody has asked for it for a while.
    private async Task DropAsync(UnitErrand[] errands)
    {
        Task[] drops =
        [
            .. errands.GroupBy(errand => errand.Member).Select(
                group => grains.GetGrain<IUnitGrain>(group.Key.Address).Drop([.. group.Select(errand => $"{model.Fingerprint}/{errand.Unit.Id}")])),
        ];
        foreach (UnitErrand errand in errands)
            errand.End();
        try
        {
            await Task.WhenAll(drops).WaitAsync(TimeSpan.FromSeconds(2), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception)
        {
            foreach (Task drop in drops)
                drop.Ignore();
        }
    }
}
