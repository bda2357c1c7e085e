/// Each equation of a paper against its wording in plain numbers, written from the paper and not from the code.
module Reproduction.Tests.Equations

open System
open Expecto
open TorchSharp
open Reproduction.Papers.Dfr
open Reproduction.Papers.Favae
open Reproduction.Papers.Ssae

let private tensor (shape: int64 list) (values: float list) =
    torch.tensor(Array.ofList values, dtype = torch.float64).reshape(Array.ofList shape)

let private numbers (value: torch.Tensor) = value.to_type(torch.float64).contiguous().data<float>().ToArray() |> List.ofArray

let private near (value: torch.Tensor) (expected: float list) what =
    let found = numbers value
    Expect.hasLength found expected.Length what

    for a, b in List.zip found expected do
        Expect.floatClose Accuracy.high a b what

let private scoped body () =
    use _scope = torch.NewDisposeScope()
    body ()

[<Tests>]
let tests =
    testList "equations" [
        testCase "ssae (1): the mean error of what was changed and of what was not, lambda and 1 - lambda"
        <| scoped (fun () ->
            // Two pixels of three colours; the second was changed.
            let images = tensor [ 1; 3; 1; 2 ] [ 0.1; 0.2; 0.3; 0.4; 0.5; 0.6 ]
            let restored = tensor [ 1; 3; 1; 2 ] [ 0.2; 0.0; 0.1; 0.5; 0.5; 0.9 ]
            let mask = tensor [ 1; 1; 1; 2 ] [ 0.0; 1.0 ]
            let unchanged = (0.1 ** 2.0 + 0.2 ** 2.0 + 0.0) / 3.0
            let changed = (0.2 ** 2.0 + 0.1 ** 2.0 + 0.3 ** 2.0) / 3.0
            near (SsaeEquations.Objective1(restored, images, mask, 0.25)) [ 0.75 * unchanged + 0.25 * changed ] "(1)")

        testCase "ssae (4): the error of the changed part is rewarded, weighted by how much was changed"
        <| scoped (fun () ->
            let images = tensor [ 1; 1; 1; 2 ] [ 0.5; 0.5 ]
            let distorted = tensor [ 1; 1; 1; 2 ] [ 0.5; 0.9 ]
            let restored = tensor [ 1; 1; 1; 2 ] [ 0.6; 0.7 ]
            let mask = tensor [ 1; 1; 1; 2 ] [ 0.0; 1.0 ]
            let expected = 0.9 * 0.1 ** 2.0 - 0.1 * (0.4 * 0.2) ** 2.0 / 0.4
            near (SsaeEquations.Objective4(restored, images, distorted, mask, 0.1)) [ expected ] "(4)")

        testCase "ssae (2): the squared difference, its mean over colours"
        <| scoped (fun () ->
            let images = tensor [ 1; 3; 1; 1 ] [ 0.1; 0.2; 0.3 ]
            let restored = tensor [ 1; 3; 1; 1 ] [ 0.2; 0.4; 0.0 ]
            near (SsaeEquations.SquaredDifference(restored, images)) [ (0.01 + 0.04 + 0.09) / 3.0 ] "(2)")

        testCase "ssae (2) with SSIM: constant images, for which it is the luminance term alone"
        <| scoped (fun () ->
            let constant (value: float32) = torch.tensor(Array.create 256 value).reshape(1L, 1L, 16L, 16L)
            let c1 = 0.01 ** 2.0
            let luminance = (2.0 * 0.3 * 0.7 + c1) / (0.3 ** 2.0 + 0.7 ** 2.0 + c1)
            let found = SsaeEquations.StructuralDifference(constant 0.3f, constant 0.7f)

            for value in numbers found do
                Expect.isLessThan (abs (value - (1.0 - luminance))) 1e-4 "1 - SSIM")

        testCase "ssae (13) and (14): the average map of normal images takes weight from where it is bright"
        <| scoped (fun () ->
            let average = SsaeEquations.AverageMap(tensor [ 1; 1; 1; 3 ] [ 0.0; 1.0; 6.0 ], 4)
            near average [ 0.0; 0.25; 1.5 ] "(13)"
            let map = tensor [ 1; 1; 1; 3 ] [ 2.0; 2.0; 2.0 ]
            near (SsaeEquations.Corrected(map, average, 3.0)) [ 2.0; 2.0 * 0.75 ** 3.0; 0.0 ] "(14)")

        testCase "favae: z is the mean and the deviation times noise"
        <| scoped (fun () ->
            let mean, logVariance = tensor [ 1; 2; 1; 1 ] [ 1.0; -1.0 ], tensor [ 1; 2; 1; 1 ] [ 0.0; log 4.0 ]
            near (FavaeEquations.Reparameterised(mean, logVariance, tensor [ 1; 2; 1; 1 ] [ 0.5; 0.5 ])) [ 1.5; 0.0 ] "z")

        testCase "favae (8), its last term: the divergence of two normal distributions, by numerical integration"
        <| scoped (fun () ->
            let integral mean deviation =
                let step = 1e-3
                let density m s x = exp (-((x - m) ** 2.0) / (2.0 * s * s)) / (s * sqrt (2.0 * Math.PI))

                Seq.sum (
                    seq {
                        for i in -12000 .. 12000 do
                            let x = mean + float i * step * deviation
                            let q = density mean deviation x
                            step * deviation * q * (log q - log (density 0.0 1.0 x))
                    }
                )

            let mean, logVariance = tensor [ 1; 2; 1; 1 ] [ 0.7; -0.2 ], tensor [ 1; 2; 1; 1 ] [ log 0.25; log 1.44 ]
            let found = numbers (FavaeEquations.Divergence(mean, logVariance))
            Expect.floatClose Accuracy.medium found.Head (integral 0.7 0.5 + integral -0.2 1.2) "KL")

        testCase "favae (8), a layer: the negative log density, one variance a channel, summed over channels"
        <| scoped (fun () ->
            let target, mean = tensor [ 1; 2; 1; 1 ] [ 1.0; 3.0 ], tensor [ 1; 2; 1; 1 ] [ 0.0; 1.0 ]
            let logVariance = tensor [ 2 ] [ log 2.0; log 0.5 ]
            let negative x m v = (x - m) ** 2.0 / (2.0 * v) + 0.5 * log (2.0 * Math.PI * v)
            near (FavaeEquations.NegativeLogProbability(target, mean, logVariance)) [ negative 1.0 0.0 2.0 + negative 3.0 1.0 0.5 ] "map")

        testCase "favae (8): log probabilities of all layers and pixels less the divergence"
        <| scoped (fun () ->
            let maps = tensor [ 2; 2; 1; 2 ] [ 1.0; 2.0; 3.0; 4.0; 0.5; 0.5; 0.5; 0.5 ]
            near (FavaeEquations.Elbo(maps, tensor [ 2 ] [ 0.25; 1.0 ])) [ -10.25; -3.0 ] "ELBO")

        testCase "dfr (4): the mean over positions of the distance, and the code's mean square"
        <| scoped (fun () ->
            let features, reconstruction = tensor [ 1; 2; 1; 2 ] [ 0.0; 1.0; 0.0; 1.0 ], tensor [ 1; 2; 1; 2 ] [ 3.0; 1.0; 4.0; 2.0 ]
            let paper = numbers (DfrEquations.Loss(features, reconstruction, ReconstructionNorm.L2))
            Expect.floatClose Accuracy.medium paper.Head ((5.0 + 1.0) / 2.0) "(4)"
            near (DfrEquations.Loss(features, reconstruction, ReconstructionNorm.MeanSquare)) [ (9.0 + 0.0 + 16.0 + 1.0) / 4.0 ] "code")

        testCase "dfr (5): the distance at every position, and the code's mean over channels"
        <| scoped (fun () ->
            let squares () = tensor [ 1; 1; 1; 2 ] [ 25.0; 1.0 ]
            near (DfrEquations.Score(squares (), ReconstructionNorm.L2, 2L)) [ 5.0; 1.0 ] "(5)"
            near (DfrEquations.Score(squares (), ReconstructionNorm.MeanSquare, 2L)) [ 12.5; 0.5 ] "code")
    ]
