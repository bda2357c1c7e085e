namespace Reproduction.Surfaces;

/// <summary>The painters of Surfaces' four objects. Each lies at another place and angle in every image.</summary>
internal static class Specimen
{
    /// <summary>Where an object lies: its own coordinates have their origin at its centre and are in pixels.</summary>
    private readonly record struct Pose(float X, float Y, float Sine, float Cosine, float Scale)
    {
        internal static Pose Draw(SplitMix64 random, float turns)
        {
            var turn = random.NextFloat(-turns, turns);
            return new Pose(
                128 + random.NextFloat(-9, 9),
                128 + random.NextFloat(-9, 9),
                Portable.Sin(turn),
                Portable.Cos(turn),
                random.NextFloat(0.97f, 1.03f)
            );
        }

        internal (float U, float V) Own(float x, float y)
        {
            var (dx, dy) = ((x - X) / Scale, (y - Y) / Scale);
            return (Cosine * dx + Sine * dy, Cosine * dy - Sine * dx);
        }
    }

    /// <summary>A conveyor belt or a felt mat: what objects lie on.</summary>
    private sealed class Ground(SplitMix64 random, Color color)
    {
        private readonly Color _color = random.Vary(color, 0.06f);
        private readonly Noise _felt = new(random);

        internal Color At(int x, int y) => _color * (1 + 0.16f * _felt.Fractal(x / 3f, y / 3f, 2) + 0.06f * _felt.At(x / 50f, y / 50f));
    }

    private static void PaintOver(Scene scene, Ground ground, int x, int y, float cover, Color color, float height, float gloss) =>
        scene.Set(y * Scene.Side + x, Color.Mix(ground.At(x, y), color, cover), height * cover, gloss * cover, cover);

    /// <summary>A machined hexagon nut; a missing part is a corner broken off.</summary>
    internal static void HexNut(Scene scene, SplitMix64 random, Fault fault)
    {
        var pose = Pose.Draw(random, 0.5f);
        var ground = new Ground(random, new Color(0.30f, 0.34f, 0.38f));
        var steel = random.Vary(new Color(0.58f, 0.57f, 0.55f), 0.05f);
        var (turned, grain, edge) = (new Noise(random), new Noise(random), new Noise(random));
        var thread = random.NextFloat(0, 1);
        var corner = (fault.Random.NextInt(6) + 0.5f) / 6;
        var (cornerX, cornerY) = (Portable.Cos(corner), Portable.Sin(corner));
        var broken = fault.Random.NextFloat(82, 92);
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (u, v) = pose.Own(x, y);
                var hexagon = 0f;
                for (var side = 0; side < 3; side++)
                {
                    hexagon = Math.Max(hexagon, Math.Abs(u * Portable.Cos(side / 6f) + v * Portable.Sin(side / 6f)));
                }

                var radius = MathF.Sqrt(u * u + v * v);
                var inwards = Math.Min(84 - hexagon, 94 - radius);
                if (fault.IsMissingPart)
                {
                    inwards = Math.Min(inwards, broken - (u * cornerX + v * cornerY) + 2.5f * edge.At(x / 5f, y / 5f));
                }

                var bore = radius - 41;
                var cover = Portable.Step(-0.8f, 0.8f, Math.Min(inwards, bore + 7));
                var angle = Portable.Angle(u, v);
                // Inside the bore the first turns of the thread are seen from above.
                var flank = bore < 0 ? Portable.Fraction(bore / 3.2f + angle + thread) : 0;
                var ring = turned.At(radius / 1.2f, 4 * angle + 8) + 0.5f * turned.At(radius / 3f, 9);
                var bevel = Math.Min(Portable.Step(0, 9, 92 - radius), Portable.Step(0, 4, inwards));
                var shade =
                    bore < 0 ? 0.45f + 0.4f * flank + 0.04f * bore : 0.92f + 0.08f * ring + 0.05f * grain.Fractal(x / 30f, y / 30f, 3);
                var height = bore < 0 ? 6 + bore * 0.8f + 0.9f * flank : 6 * bevel + 6 * Portable.Step(0, 3, bore) + 0.15f * ring;
                PaintOver(scene, ground, x, y, cover, steel * shade, height, 0.5f);
            }
        }
    }

    /// <summary>A brass gear with a keyed bore and five holes; a missing part is a broken tooth.</summary>
    internal static void Gear(Scene scene, SplitMix64 random, Fault fault)
    {
        const int teeth = 22;
        var pose = Pose.Draw(random, 0.5f);
        var ground = new Ground(random, new Color(0.23f, 0.25f, 0.24f));
        var brass = random.Vary(new Color(0.66f, 0.52f, 0.26f), 0.05f);
        var (grain, tarnish, edge) = (new Noise(random), new Noise(random), new Noise(random));
        var brokenTooth = fault.Random.NextInt(teeth);
        var rest = fault.Random.NextFloat(0, 0.45f);
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (u, v) = pose.Own(x, y);
                var radius = MathF.Sqrt(u * u + v * v);
                var angle = Portable.Angle(u, v) + 0.5f;
                var tooth = (int)MathF.Floor(angle * teeth) % teeth;
                var wave = Portable.Step(0.12f, 0.38f, 0.5f - Math.Abs(Portable.Fraction(angle * teeth) - 0.5f));
                if (fault.IsMissingPart && tooth == brokenTooth)
                {
                    wave = Math.Min(wave, rest + 0.12f * edge.At(x / 3f, y / 3f));
                }

                var inwards = 86 + 14 * wave - radius;
                var spoke = Portable.Fraction(angle * 5);
                var (holeX, holeY) = (radius - 54, (spoke - 0.5f) * 2 * 3.1415927f * radius / 5);
                var hole = MathF.Sqrt(holeX * holeX + holeY * holeY) - 13;
                var key = Math.Max(Math.Abs(v) - 5, Math.Max(u - 27, -u));
                var bore = Math.Min(radius - 20, key);
                var solid = Math.Min(inwards, Math.Min(hole, bore));
                var cover = Portable.Step(-0.8f, 0.8f, solid);
                var rim = Portable.Step(73, 75, radius) + Portable.Step(33, 31, radius);
                var lathe = grain.At(radius / 1.4f, 3) * 0.7f + grain.At(radius / 1.1f, 40 + 6 * angle) * 0.5f;
                var shade = 0.95f + 0.06f * lathe + 0.10f * tarnish.Fractal(u / 45f, v / 45f, 3);
                var height = 4 * Portable.Step(0, 3, solid) + 2.5f * rim + 0.12f * lathe;
                PaintOver(scene, ground, x, y, cover, brass * shade, height, 0.55f);
            }
        }
    }

    /// <summary>A pressed tablet with a score line and an imprint; a misprint is an imprint that is wrong, shifted or half there.</summary>
    internal static void Tablet(Scene scene, SplitMix64 random, Fault fault)
    {
        var pose = Pose.Draw(random, 0.5f);
        var ground = new Ground(random, new Color(0.16f, 0.22f, 0.30f));
        var powder = random.Vary(new Color(0.84f, 0.82f, 0.75f), 0.03f);
        var (grain, speck, dye) = (new Noise(random), new Noise(random), new Color(0.72f, 0.42f, 0.32f));
        var imprint = new Imprint("R5", 5.2f, fault);
        var (speckX, speckY) = (random.NextFloat(0, 60), random.NextFloat(0, 60));
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (u, v) = pose.Own(x, y);
                var radius = MathF.Sqrt(u * u + v * v);
                var cover = Portable.Step(-0.9f, 0.9f, 88 - radius);
                var pressed = imprint.At(u, v + 30);
                var score = Portable.Step(3.2f, 1.2f, Math.Abs(v - 12)) * Portable.Step(84, 74, radius);
                var dome = Math.Clamp(1 - radius * radius / (88f * 88), 0, 1);
                var spots =
                    Portable.Step(0.62f, 0.8f, speck.At(u / 2.2f + speckX, v / 2.2f + speckY))
                    * Portable.Step(0.1f, 0.5f, speck.At(u / 9f, v / 9f + 20));
                var shade = 1 + 0.04f * grain.Fractal(x / 2.5f, y / 2.5f, 2) + 0.03f * grain.At(x / 40f, y / 40f);
                var height =
                    22 * MathF.Sqrt(dome) * 0.6f
                    + 3 * Portable.Step(0, 8, 88 - radius)
                    - 2.2f * pressed
                    - 2.6f * score
                    + 0.35f * grain.At(x / 2f, y / 2f);
                PaintOver(scene, ground, x, y, cover, Color.Mix(powder * shade, dye, 0.55f * spots), height, 0.06f);
            }
        }
    }

    /// <summary>A moulded connector with eight pins and a printed type; a missing part is a pin that is gone or bent.</summary>
    internal static void Connector(Scene scene, SplitMix64 random, Fault fault)
    {
        const float pinPitch = 36,
            pinHalf = 5.5f,
            body = 78,
            bodyHalfHeight = 34;
        var pose = Pose.Draw(random, 0.012f);
        var ground = new Ground(random, new Color(0.46f, 0.50f, 0.44f));
        var (plastic, metal) = (random.Vary(new Color(0.11f, 0.11f, 0.12f), 0.06f), random.Vary(new Color(0.70f, 0.64f, 0.48f), 0.04f));
        var (mould, plating) = (new Noise(random), new Noise(random));
        var print = new Imprint("RP-07", 3.6f, fault);
        var inkLevel = random.NextFloat(0.6f, 0.75f);
        var (badPin, isBent, bend) = (
            fault.Random.NextInt(8),
            fault.Random.NextBool(0.5),
            fault.Random.NextFloat(8, 15) * (fault.Random.NextBool(0.5) ? 1 : -1)
        );
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (u, v) = pose.Own(x, y);
                var (outsideX, outsideY) = (Math.Max(Math.Abs(u) - body + 8, 0), Math.Max(Math.Abs(v) - bodyHalfHeight + 8, 0));
                var inwards = 8 - MathF.Sqrt(outsideX * outsideX + outsideY * outsideY);
                var cover = Portable.Step(-0.8f, 0.8f, inwards);
                var pin = cover < 1 ? PinAt(u, v) : 0;
                var notchX = u + body - 14;
                var notch = Portable.Step(6.5f, 5.5f, MathF.Sqrt(notchX * notchX + (v - 16) * (v - 16)));
                var ink = print.At(u, v) * inkLevel;
                var shade = 1 + 0.10f * mould.At(x / 1.6f, y / 1.6f) + 0.08f * mould.At(x / 30f, y / 30f);
                var color = Color.Mix(plastic * shade, Color.Grey(0.86f), ink);
                var bodyHeight = 7 * Portable.Step(0, 6, inwards) + 0.35f * mould.At(x / 1.6f, y / 1.6f) - 1.6f * notch;
                var pinColor = metal * (0.9f + 0.1f * plating.At(x / 5f, y / 22f));
                scene.Set(
                    y * Scene.Side + x,
                    Color.Mix(Color.Mix(ground.At(x, y), pinColor, pin), color, cover),
                    bodyHeight * cover + 2.5f * pin * (1 - cover),
                    0.6f * pin * (1 - cover) + 0.18f * cover,
                    Math.Max(cover, pin)
                );
            }
        }

        float PinAt(float u, float v)
        {
            var reach = Math.Abs(v) - bodyHalfHeight;
            var column = Math.Clamp((int)MathF.Round(u / pinPitch + 1.5f), 0, 3);
            var best = 0f;
            for (var candidate = Math.Max(column - 1, 0); candidate <= Math.Min(column + 1, 3); candidate++)
            {
                var fails = fault.IsMissingPart && candidate + (v > 0 ? 4 : 0) == badPin;
                if (fails && !isBent)
                {
                    continue;
                }

                var center = (candidate - 1.5f) * pinPitch + (fails ? bend * (reach / 44) * (reach / 44) : 0);
                var taper = pinHalf - 2 * Portable.Step(26, 34, reach);
                best = Math.Max(best, Portable.Step(0.7f, -0.7f, Math.Max(Math.Abs(u - center) - taper, reach - 46)));
            }
            return best;
        }
    }
}
