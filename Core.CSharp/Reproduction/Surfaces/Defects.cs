namespace Reproduction.Surfaces;

/// <summary>
/// Defects that are laid on a finished specimen. Each changes reflectance, relief or gloss where it is, and nothing elsewhere.
/// </summary>
internal static class Defects
{
    /// <summary>Lays a defect on the scene, wholly or mostly on what is covered.</summary>
    /// <param name="strength">About 0.2 (hard to see) to 1 (plain); beyond 1 a defect grows by it.</param>
    internal static void Apply(Scene scene, DefectKind kind, float strength, SplitMix64 random)
    {
        switch (kind)
        {
            case DefectKind.Scratch:
                Scratch(scene, strength, random);
                break;
            case DefectKind.Crack:
                Crack(scene, strength, random);
                break;
            case DefectKind.Stain:
                Stain(scene, strength, random);
                break;
            case DefectKind.Hole:
                Hole(scene, strength, random);
                break;
            case DefectKind.Contamination:
                Contamination(scene, strength, random);
                break;
            case DefectKind.Thread:
                Thread(scene, strength, random);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "this kind is the painter's");
        }
    }

    private static float Growth(float strength) => Math.Max(strength, 1);

    /// <summary>A place on the surface, far enough from the image's border that the defect is not cut away.</summary>
    private static (float X, float Y) Place(Scene scene, SplitMix64 random, float margin)
    {
        while (true)
        {
            var (x, y) = (random.NextFloat(margin, Scene.Side - margin), random.NextFloat(margin, Scene.Side - margin));
            if (scene.Cover[(int)y * Scene.Side + (int)x] > 0.99f)
            {
                return (x, y);
            }
        }
    }

    /// <summary>A path of steps of one pixel; its direction drifts smoothly or, for cracks, jumps.</summary>
    private static List<(float X, float Y)> Path(
        SplitMix64 random,
        (float X, float Y) start,
        float turns,
        int length,
        float drift,
        float jump
    )
    {
        var path = new List<(float X, float Y)>(length);
        var (x, y, curl) = (start.X, start.Y, 0f);
        for (var i = 0; i < length; i++)
        {
            path.Add((x, y));
            curl = 0.95f * curl + random.NextFloat(-drift, drift);
            turns += curl;
            var heading = turns;
            if (jump > 0 && random.NextBool(0.25))
            {
                turns += random.NextFloat(-jump, jump);
            }

            x += Portable.Cos(heading);
            y += Portable.Sin(heading);
        }
        return path;
    }

    /// <summary>
    /// Calls <paramref name="change"/> for every covered pixel within <paramref name="reach"/> of a path with its distance from it and the
    /// share of the path up to there.
    /// </summary>
    private static void Along(Scene scene, List<(float X, float Y)> path, float reach, bool mayLeave, Action<int, float, float> change)
    {
        var nearest = new Dictionary<int, (float Distance, float Share)>();
        for (var i = 0; i < path.Count; i++)
        {
            var (px, py) = path[i];
            for (var y = Math.Max((int)(py - reach), 0); y <= Math.Min((int)(py + reach + 1), Scene.Side - 1); y++)
            {
                for (var x = Math.Max((int)(px - reach), 0); x <= Math.Min((int)(px + reach + 1), Scene.Side - 1); x++)
                {
                    var distance = MathF.Sqrt((x - px) * (x - px) + (y - py) * (y - py));
                    var pixel = y * Scene.Side + x;
                    if (distance <= reach && (!nearest.TryGetValue(pixel, out var known) || distance < known.Distance))
                    {
                        nearest[pixel] = (distance, (float)i / path.Count);
                    }
                }
            }
        }
        foreach (var (pixel, (distance, share)) in nearest)
        {
            if (mayLeave || scene.Cover[pixel] > 0.5f)
            {
                change(pixel, distance, share);
            }
        }
    }

    /// <summary>
    /// A groove that a hard point drew: straight or slightly curved, fading at its ends, with bare material at its bottom.
    /// </summary>
    private static void Scratch(Scene scene, float strength, SplitMix64 random)
    {
        var path = Path(random, Place(scene, random, 40), random.NextFloat(0, 1), 45 + random.NextInt(100), 0.0006f, 0);
        var (width, depth) = (random.NextFloat(1.1f, 2) * Growth(strength), random.NextFloat(1.2f, 2.2f) * strength);
        var (bare, opacity) = (Color.Grey(random.NextBool(0.6) ? 0.85f : 0.12f), random.NextFloat(0.4f, 0.75f) * strength);
        Along(
            scene,
            path,
            width + 1,
            false,
            (pixel, distance, share) =>
            {
                var fade = Portable.Step(0, 0.12f, share) * Portable.Step(1, 0.75f, share);
                var groove = Portable.Step(width, 0.3f * width, distance) * fade;
                scene.Height[pixel] -= depth * groove;
                scene.Blend(pixel, bare, opacity * groove);
            }
        );
    }

    /// <summary>A jagged dark gap with a branch or two.</summary>
    private static void Crack(Scene scene, float strength, SplitMix64 random)
    {
        var start = Place(scene, random, 50);
        var turns = random.NextFloat(0, 1);
        var trunk = Path(random, start, turns, 40 + random.NextInt(60), 0.002f, 0.11f);
        Draw(trunk, random.NextFloat(1.2f, 2.2f) * Growth(strength));
        for (var branch = random.NextInt(3); branch > 0; branch--)
        {
            var side = random.NextBool(0.5) ? 0.13f : -0.13f;
            Draw(
                Path(random, trunk[random.NextInt(trunk.Count)], turns + side, 12 + random.NextInt(25), 0.002f, 0.11f),
                random.NextFloat(0.6f, 1) * Growth(strength)
            );
        }

        void Draw(List<(float X, float Y)> path, float width) =>
            Along(
                scene,
                path,
                width + 1,
                false,
                (pixel, distance, share) =>
                {
                    var gap = Portable.Step(width * (1.25f - share), 0.2f, distance);
                    scene.Height[pixel] -= 2.4f * strength * gap;
                    scene.Blend(pixel, Color.Grey(0.05f), 0.75f * strength * gap);
                }
            );
    }

    /// <summary>A blot of uneven outline that tints what is under it, darker at its rim where it dried.</summary>
    private static void Stain(Scene scene, float strength, SplitMix64 random)
    {
        var (x, y) = Place(scene, random, 45);
        var (radius, stretch) = (random.NextFloat(14, 34) * Growth(strength), random.NextFloat(0.7f, 1.4f));
        Color[] liquids =
        [
            new(0.30f, 0.20f, 0.10f),
            new(0.12f, 0.13f, 0.16f),
            new(0.42f, 0.30f, 0.16f),
            new(0.62f, 0.24f, 0.12f),
            new(0.80f, 0.80f, 0.76f),
        ];
        var (liquid, opacity) = (liquids[random.NextInt(liquids.Length)], random.NextFloat(0.4f, 0.75f) * strength);
        var outline = new Noise(random);
        ForDisc(
            x,
            y,
            radius * 1.9f,
            (pixel, dx, dy) =>
            {
                if (scene.Cover[pixel] < 0.5f)
                {
                    return;
                }

                var distance = MathF.Sqrt(dx * dx * stretch + dy * dy / stretch) / radius + 0.45f * outline.Fractal(dx / 16, dy / 16, 3);
                var wet = Portable.Step(1.02f, 0.9f, distance);
                var rim = Portable.Step(0.70f, 0.95f, distance);
                scene.Blend(pixel, liquid, wet * opacity * (0.8f + 0.35f * rim));
                scene.Gloss[pixel] *= 1 - 0.5f * wet;
            }
        );
    }

    /// <summary>A dark pit with a raised rim.</summary>
    private static void Hole(Scene scene, float strength, SplitMix64 random)
    {
        var (x, y) = Place(scene, random, 25);
        var radius = random.NextFloat(4.5f, 11) * Growth(strength);
        var outline = new Noise(random);
        var inside = random.Vary(Color.Grey(0.07f), 0.3f);
        ForDisc(
            x,
            y,
            radius * 1.9f + 3,
            (pixel, dx, dy) =>
            {
                if (scene.Cover[pixel] < 0.5f)
                {
                    return;
                }

                var distance = MathF.Sqrt(dx * dx + dy * dy) + 0.35f * radius * outline.Fractal(dx / 5, dy / 5, 2);
                var pit = Portable.Step(radius, radius - 2, distance);
                var rim = Portable.Step(radius + 2.6f, radius + 0.4f, distance) * (1 - pit);
                scene.Height[pixel] += 1.1f * strength * rim - (5 + scene.Height[pixel]) * pit * 0.7f;
                scene.Blend(pixel, inside, pit * (0.55f + 0.4f * strength));
                scene.Gloss[pixel] *= 1 - pit;
            }
        );
    }

    /// <summary>Grains of dirt of several colours, strewn over a small region.</summary>
    private static void Contamination(Scene scene, float strength, SplitMix64 random)
    {
        var (centerX, centerY) = Place(scene, random, 40);
        var spread = random.NextFloat(8, 26);
        var dirt = random.Vary(new Color(0.36f, 0.26f, 0.18f), 0.5f);
        for (var grain = 4 + random.NextInt(12); grain > 0; grain--)
        {
            // The sum of two uniform numbers crowds the grains towards the middle.
            var x = centerX + spread * (random.NextFloat(-1, 1) + random.NextFloat(-1, 1)) * 0.7f;
            var y = centerY + spread * (random.NextFloat(-1, 1) + random.NextFloat(-1, 1)) * 0.7f;
            var (radius, flat) = (random.NextFloat(1.4f, 3.8f) * Growth(strength), random.NextFloat(0.5f, 2));
            var color = random.Vary(random.NextBool(0.75) ? dirt : Color.Grey(0.75f), 0.25f);
            var opacity = Math.Min(0.45f + 0.5f * strength, 1);
            ForDisc(
                x,
                y,
                radius * 1.7f + 1,
                (pixel, dx, dy) =>
                {
                    if (scene.Cover[pixel] < 0.5f)
                    {
                        return;
                    }

                    var lump = Portable.Step(radius + 0.5f, radius - 0.7f, MathF.Sqrt(dx * dx * flat + dy * dy / flat));
                    scene.Height[pixel] += 1.6f * lump;
                    scene.Blend(pixel, color, opacity * lump);
                }
            );
        }
    }

    /// <summary>A hair or a loose yarn that lies on top, with its own small shadow below it.</summary>
    private static void Thread(Scene scene, float strength, SplitMix64 random)
    {
        var path = Path(random, Place(scene, random, 45), random.NextFloat(0, 1), 60 + random.NextInt(110), 0.0035f, 0);
        var width = random.NextFloat(1.2f, 2.2f) * Growth(strength);
        Color[] yarns = [Color.Grey(0.06f), new(0.80f, 0.78f, 0.72f), new(0.56f, 0.18f, 0.15f), new(0.20f, 0.26f, 0.48f)];
        var (yarn, opacity) = (random.Vary(yarns[random.NextInt(yarns.Length)], 0.1f), Math.Min(0.4f + 0.55f * strength, 1));
        Along(
            scene,
            path,
            width + 1,
            true,
            (pixel, distance, _) =>
            {
                var body = Portable.Step(width + 0.5f, width - 0.5f, distance);
                scene.Height[pixel] += 1.8f * body * (1 - 0.6f * distance / width);
                scene.Blend(pixel, yarn, opacity * body);
                scene.Gloss[pixel] *= 1 - body;
            }
        );
    }

    private static void ForDisc(float centerX, float centerY, float radius, Action<int, float, float> change)
    {
        for (var y = Math.Max((int)(centerY - radius), 0); y <= Math.Min((int)(centerY + radius + 1), Scene.Side - 1); y++)
        {
            for (var x = Math.Max((int)(centerX - radius), 0); x <= Math.Min((int)(centerX + radius + 1), Scene.Side - 1); x++)
            {
                change(y * Scene.Side + x, x - centerX, y - centerY);
            }
        }
    }
}
