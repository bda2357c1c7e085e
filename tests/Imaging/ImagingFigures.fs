/// Heat maps, outlines and panels: what the figures are drawn with.
module Reproduction.Tests.ImagingFigures

open System
open Expecto
open Reproduction.Imaging
open Reproduction.Surfaces

let private pixel (image: Image) x y = image[x, y, 0], image[x, y, 1], image[x, y, 2]

[<Tests>]
let tests =
    testList "imaging: figures" [
        testCase "turbo runs from dark blue over green to dark red" (fun () ->
            let color value = let c = ColorMap.Color(value).ToArray() in c[0], c[1], c[2]
            let (lowR, _, lowB), (_, midG, midB), (highR, _, highB) = color 0.15f, color 0.5f, color 1f
            Expect.isTrue (lowB > lowR && midG > midB && midG > 200uy && highR > highB) "blue, green, red"
            Expect.equal (color nanf) (color 0f) "NaN is the lowest"
            Expect.equal (color 7f) (color 1f) "above the range is the highest")

        testCase "jet runs in straight lines from dark blue to dark red" (fun () ->
            let color value = let c = ColorMap.Color(value, Palette.Jet).ToArray() in c[0], c[1], c[2]
            Expect.equal [ color 0f; color 0.502f; color 1f ] [ 0uy, 0uy, 128uy; 130uy, 255uy, 126uy; 128uy, 0uy, 0uy ] "ends and middle")

        testCase "a tint mixes its colour in where the mask is" (fun () ->
            let image = Image(2, 1, 3, Array.create 6 100uy)
            let tinted = Overlay.Tint(image, Image(2, 1, 1, [| 0uy; 255uy |]), struct (255uy, 0uy, 0uy))
            Expect.equal (pixel tinted 0 0, pixel tinted 1 0) ((100uy, 100uy, 100uy), (178uy, 50uy, 50uy)) "left as it was, right half red")

        testCase "a map is coloured between the limits that are given" (fun () ->
            let image = ColorMap.Apply(ReadOnlySpan [| 2f; 3f; 4f |], 1, 3, 2f, 4f)

            for x, value in [ 0, 0f; 1, 0.5f; 2, 1f ] do
                let c = ColorMap.Color(value).ToArray()
                Expect.equal (pixel image x 0) (c[0], c[1], c[2]) $"value {value}"

            Expect.throws (fun () -> ColorMap.Apply(ReadOnlySpan [| 1f |], 1, 1, 2f, 2f) |> ignore) "an empty range")

        testCase "an overlay shows the image in grey below the heat" (fun () ->
            let image = Image(4, 4, 3, Array.init 48 (fun i -> [| 200uy; 100uy; 0uy |][i % 3]))
            let heat = Image(2, 2, 3, Array.create 12 255uy)
            let luma = image.ToGrey().Pixels[0]
            Expect.equal (pixel (Overlay.Blend(image, heat, 0.0)) 1 1) (luma, luma, luma) "no heat"
            Expect.equal (pixel (Overlay.Blend(image, heat, 1.0)) 1 1) (255uy, 255uy, 255uy) "only heat"
            let half, _, _ = pixel (Overlay.Blend(image, heat)) 1 1
            Expect.equal (int half) ((int luma + 255 + 1) / 2) "half")

        testCase "a contour is the mask's rim, inside the mask" (fun () ->
            let mask = Image(9, 9, 1)

            for y in 2..6 do
                for x in 2..6 do
                    mask[x, y, 0] <- 255uy

            let drawn = Overlay.Contour(Image(9, 9, 3), mask, struct (255uy, 0uy, 0uy), 1)

            for y in 0..8 do
                for x in 0..8 do
                    let inside = x >= 2 && x <= 6 && y >= 2 && y <= 6
                    let rim = inside && (x = 2 || x = 6 || y = 2 || y = 6)
                    Expect.equal (drawn[x, y, 0] = 255uy) rim $"({x}, {y})"

            let full = Overlay.Contour(Image(5, 5, 3), Image(5, 5, 1, Array.create 25 255uy), struct (255uy, 0uy, 0uy))
            Expect.isTrue (full.Pixels |> Array.forall ((=) 0uy)) "the image's border is no outline")

        testCase "a threshold marks what reaches it" (fun () ->
            Expect.equal
                (Overlay.Threshold(ReadOnlySpan [| 0.1f; 0.5f; 0.9f; nanf |], 2, 2, 0.5f)).Pixels
                [| 0uy; 255uy; 255uy; 0uy |]
                "mask")

        testCase "panels stand in a grid with white gaps" (fun () ->
            let flat value = Image(3, 3, 1, Array.create 9 value)
            let grid = Panels.Grid([| [| flat 10uy; flat 20uy |]; [| flat 30uy |] |], 6, 5, 2)
            Expect.equal (grid.Width, grid.Height, grid.Channels) (12, 14, 3) "size"
            let at x y = grid[x, y, 0]
            Expect.equal [ at 0 0; at 5 0; at 7 5; at 0 6; at 4 13; at 11 13 ] [ 10uy; 255uy; 20uy; 255uy; 30uy; 255uy ] "pixels")
    ]
