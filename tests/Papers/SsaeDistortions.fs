/// `ssae`: the distortions that training images get, against their literal wording.
module Reproduction.Tests.SsaeDistortions

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction.Methods
open Reproduction.Papers.Ssae
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

let private distort (kind: Distortion) (brightness: bool) (seed: int) (input: torch.Tensor) =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    SsaeDistortions.Apply(input, kind, brightness, false, generator)

let private anyDistortion =
    Gen.elements (Enum.GetValues<Distortion>())
    |> Gen.map2 (fun seed kind -> kind, seed) (Gen.choose (0, 100000))
    |> Arb.fromGen

[<Tests>]
let tests =
    testSequenced
    <| testList "ssae distortions" [
        testProperty "outside of the mask an image is unchanged to the bit"
        <| Prop.forAll anyDistortion (fun (kind, seed) ->
            use _scope = torch.NewDisposeScope()
            let input = randomPixels 3 32
            let struct (distorted, mask) = distort kind true seed input
            Expect.isTrue (mask.min().ToSingle() >= 0f && mask.max().ToSingle() <= 1f) "the mask is within 0..1"
            let outside = mask.eq(torch.tensor 0f).expand(input.shape)
            Expect.isTrue (distorted.eq(input).logical_or(outside.logical_not ()).all().ToBoolean()) "unchanged"
            Expect.isTrue (distorted.min().ToSingle() >= 0f && distorted.max().ToSingle() <= 1f) "within 0..1")

        testProperty "the same seed distorts in the same way, another one does not"
        <| Prop.forAll anyDistortion (fun (kind, seed) ->
            use _scope = torch.NewDisposeScope()
            let input = randomPixels 2 32
            let struct (a, _) = distort kind true seed input
            let struct (b, _) = distort kind true seed input
            let struct (c, _) = distort kind true (seed + 1) input
            Expect.equal (largest a b) 0f "same seed"
            Expect.isGreaterThan (largest a c) 0f "other seed")

        testCase "an elastic patch keeps the colours nearly, a cut-out does not"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = randomPixels 8 64

            let change kind =
                let struct (distorted, mask) = distort kind false 5 input
                let inside = mask.sum ([| 1L; 2L; 3L |])
                let mean (value: torch.Tensor) = (value * mask).sum([| 2L; 3L |]) / inside.unsqueeze 1
                (mean distorted - mean input).abs().mean().ToSingle()

            Expect.isLessThan (change Distortion.Elastic) (0.25f * change Distortion.CutOut) "mean colour inside of the mask"

        testCase "an elastic patch is deformed within itself: its values are those of the patch, in other places"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            // Grey values that tell where a pixel came from.
            let place = (torch.arange (4096L, torch.float32) / 4096.0).reshape(1L, 1L, 64L, 64L).expand(8L, 3L, 64L, 64L)
            let input = place.contiguous ()
            let struct (distorted, mask) = distort Distortion.Elastic false 7 input

            for i in 0L .. 7L do
                let changed = mask[i, 0L].gt(torch.tensor 0f)
                let rows = changed.any(1L).nonzero().flatten().data<int64>().ToArray()
                let first, last = float (Array.min rows), float (Array.max rows)
                // The patch may be wider than its blob by the blob's outline, at most half of its half side.
                let margin = (last - first + 1.0) * 0.5 + 2.0
                let sources = (distorted[i, 0L].masked_select(mask[i, 0L].eq(torch.tensor 1f)) * 64.0).data<float32>().ToArray()

                for source in sources do
                    Expect.isTrue (float source >= first - margin && float source <= last + 1.0 + margin) "from the patch's rows"

                let inside = mask[i, 0L].eq(torch.tensor 1f)
                let moved = (distorted[i, 0L] - input[i, 0L]).abs().masked_select(inside).mean().ToSingle()
                if inside.sum().ToInt64() > 0L then Expect.isGreaterThan moved 0.005f "and moved"

        testCase "swap glues in the next image's content at the same place, a single image's own turned by 180 degrees"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = randomPixels 3 48
            let struct (distorted, mask) = distort Distortion.Swap false 2 input

            for i in 0L .. 2L do
                let whole = mask[i].eq(torch.tensor 1f).expand(3L, 48L, 48L)
                Expect.isGreaterThan (whole.sum().ToInt64()) 0L "pixels that are changed altogether"
                let other = input[(i + 2L) % 3L]
                Expect.equal (largest (distorted[i].masked_select whole) (other.masked_select whole)) 0f $"image {i}"

            let alone = input.narrow (0L, 0L, 1L)
            let struct (distorted, mask) = distort Distortion.Swap false 2 alone
            let whole = mask.eq(torch.tensor 1f).expand(alone.shape)
            let turned = alone.flip (2L, 3L)
            Expect.equal (largest (distorted.masked_select whole) (turned.masked_select whole)) 0f "alone"

        testCase "changed areas reach from a hundredth to a fifth of the image and are as large as defects on average"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = torch.rand [| 200L; 3L; 32L; 32L |]
            let struct (_, mask) = distort Distortion.Elastic false 1 input
            let areas = mask.gt(torch.tensor 0f).to_type(torch.float32).mean([| 1L; 2L; 3L |]).data<float32>().ToArray()
            Expect.isLessThan (Array.min areas) 0.015f "smallest"
            Expect.isGreaterThan (Array.max areas) 0.2f "largest"
            Expect.isTrue (Array.average areas > 0.05f && Array.average areas < 0.1f) $"mean {Array.average areas}"

        testCase "transistor's corrupted images are turned as a whole: the mask is everything, what was glued in turns along"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let input = torch.ones [| 6L; 3L; 64L; 64L |]
            use generator = new torch.Generator(3UL, torch.CPU)
            let struct (turned, mask) = SsaeDistortions.Apply(input, Distortion.CutOut, false, true, generator)
            use again = new torch.Generator(3UL, torch.CPU)
            let struct (upright, patch) = SsaeDistortions.Apply(input, Distortion.CutOut, false, false, again)
            Expect.equal (mask.min().ToSingle()) 1f "all of the image was changed"
            Expect.isGreaterThan (largest turned upright) 0.5f "turned"
            // What is dark is the patch: as much of it, but for what turned out of the image or is mirrored into its corners.
            let dark (value: torch.Tensor) = (torch.ones_like value - value).mean([| 1L; 2L; 3L |]).data<float32>().ToArray()
            Expect.isGreaterThan (patch.sum().ToSingle()) 0f "a patch"

            for a, b in Array.zip (dark turned) (dark upright) do
                Expect.isTrue (a > 0.3f * b && a < 3f * b) $"as much is dark turned, {a}, as upright, {b}"

            let settings category = SsaeMethod().Settings(Request("objective1", Profile.Paper, category, "mvtec"))

            Expect.equal
                [ for c in [ "transistor"; "cable"; "screw"; "bottle" ] -> (settings c).Turned ]
                [ true; false; false; false ]
                "for whom"
    ]
