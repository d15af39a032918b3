namespace MoA.Search.Calibration;

/// <summary>
/// The words that name the lines of a record: adjective-noun pairs such as blunt-otter. They are the 160 + 160 words the
/// demo model was trained with; each is one token of its vocabulary, and one or two of most others.
/// </summary>
internal static class KeyWords
{
    /// <summary>160 adjectives, sorted.</summary>
    public static IReadOnlyList<string> Adjectives { get; } =
        """
        able amber ample angry arid awake azure basic black bland blue blunt bold brave brief brisk broad brown
        calm cheap chief civil clean clear close cold cool coral crisp cruel curly damp dark dear deep dense
        dim dizzy dry dull dusty eager early easy empty even exact faint fair false fancy fast fatal final fine
        firm flat fluid fond free fresh front full funny giant glad gold grand grave gray great green grim
        gross happy hard harsh heavy high huge icy ideal idle inner ivory jolly keen kind large late lazy lean
        level light local lone long loud loyal lucky magic major merry mild minor moist moral muddy naive neat
        new nice noble north odd old open outer pale plain poor prime proud pure quick quiet rapid rare raw
        ready red rich right ripe rough round royal rude rural rusty sad safe shy slim slow soft sour tall tame
        thin tidy tiny true vast warm weak wet wide wild wise
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>160 nouns, sorted.</summary>
    public static IReadOnlyList<string> Nouns { get; } =
        """
        acorn angel apple arch arrow atlas badge bagel barn basin beach bean bear bell bench berry bird blade
        boat bone book boot bowl box bread brick brook broom brush bush cabin cable cake camel canoe cedar
        chain chair chalk chess city cliff clock cloud coach coast coin comet crane creek crow crown cup daisy
        dawn deer desk door dream drum eagle earth elbow fable farm fence ferry field fire fish flag flame
        flute fork fox frog gate ghost glass glove goat grain grape harp hawk heart hill honey horn horse house
        jewel judge key kite lake lamp leaf lemon lion maple melon monk moon moss mouse nest night oak ocean
        olive otter owl page paint panda paper path pearl piano pilot pine plate poet pond queen radio rain
        raven ring river robin roof root rope rose sail sea sheep shell ship shore sky snake snow song spoon
        star stone storm sun swan sword table tree wall wave wind wolf wood
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
