/// Each equation of a paper against its wording in plain numbers, written from the paper and not from the code.
module Reproduction.Tests.Equations

open System
open Expecto
open TorchSharp
open Reproduction.Papers.Dfr
open Reproduction.Papers.Favae
open Reproduction.Papers.Gaussian
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

        testCase "ssae (2) with SSIM: sums over the window of 11 x 11, images mirrored at their borders"
        <| scoped (fun () ->
            torch.manual_seed 5L |> ignore
            let height, width = 12, 14
            let images = [ for _ in 1..2 -> torch.rand [| 1L; 1L; int64 height; int64 width |] ]
            let plane (image: torch.Tensor) = let v = numbers image in fun y x -> v[y * width + x]

            let mirrored length i =
                if i < 0 then -i
                elif i >= length then 2 * (length - 1) - i
                else i

            let weight d = exp (-float(d * d) / (2.0 * 1.5 * 1.5))
            let total = Seq.sum [ for d in -5 .. 5 -> weight d ]

            /// Mean over the window of a function of both images.
            let mean (value: int -> int -> float) y x =
                Seq.sum [
                    for v in -5 .. 5 do
                        for u in -5 .. 5 -> weight v * weight u * value (mirrored height (y + v)) (mirrored width (x + u))
                ]
                / (total * total)

            let a, b = plane images[0], plane images[1]

            let literal = [
                for y in 0 .. height - 1 do
                    for x in 0 .. width - 1 do
                        let ma, mb = mean a y x, mean b y x
                        let va = mean (fun v u -> (a v u - ma) ** 2.0) y x
                        let vb = mean (fun v u -> (b v u - mb) ** 2.0) y x
                        let cov = mean (fun v u -> (a v u - ma) * (b v u - mb)) y x
                        let c1, c2 = 0.01 ** 2.0, 0.03 ** 2.0
                        1.0 - (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
            ]

            for found, expected in List.zip (numbers (SsaeEquations.StructuralDifference(images[1], images[0]))) literal do
                Expect.isLessThan (abs (found - expected)) 1e-4 "1 - SSIM")

        testCase "favae (8), the hat: a map at the image's size, bilinear between the centres of its cells"
        <| scoped (fun () ->
            let map = tensor [ 1; 1; 2; 1 ] [ 0.0; 1.0 ]
            near (FavaeEquations.Upsampled(map, 4L, 1L)) [ 0.0; 0.25; 0.75; 1.0 ] "between"
            near (FavaeEquations.Upsampled(map, 2L, 1L)) [ 0.0; 1.0 ] "as it is")

        testCase "gaussian (2): the Mahalanobis distance, in the features and in axes of their own"
        <| scoped (fun () ->
            let centred = tensor [ 1; 3 ] [ 2.0; 3.0; 1.0 ]
            // The variances 4, 1 and 1/2.
            let precisions = tensor [ 3 ] [ 0.25; 1.0; 2.0 ]
            near (GaussianEquations.Mahalanobis(centred, null, precisions, 0.0)) [ sqrt (1.0 + 9.0 + 2.0) ] "features"
            // An axis of variance 1/4 along (3, 4) / 5, on which the point lies at 18/5; the rest of its 14 has the variance 2.
            let axis = tensor [ 3; 1 ] [ 0.6; 0.8; 0.0 ]
            let along = (18.0 / 5.0) ** 2.0
            let expected = sqrt (4.0 * along + 0.5 * (14.0 - along))
            near (GaussianEquations.Mahalanobis(centred, axis, tensor [ 1 ] [ 4.0 ], 0.5)) [ expected ] "one axis and the rest")

        testCase "gaussian (5), (9): variances of single features, and no weight where there is none"
        <| scoped (fun () ->
            let variances = GaussianEquations.Variances(tensor [ 3; 2 ] [ 1.0; 0.0; -3.0; 0.0; 2.0; 0.0 ])
            near variances [ 14.0 / 2.0; 0.0 ] "1/(n-1)"
            near (GaussianEquations.Inverse variances) [ 1.0 / 7.0; 0.0 ] "inverse")

        testCase "gaussian (6): variances are drawn towards their mean"
        <| scoped (fun () ->
            // Eigenvalues 3, 1, 0, 0: their mean is 1.
            let struct (shrunk, rest) = GaussianEquations.Shrunk(tensor [ 2 ] [ 3.0; 1.0 ], 0.25, 4L)
            near shrunk [ 0.75 * 3.0 + 0.25; 1.0 ] "given"
            Expect.floatClose Accuracy.high rest 0.25 "not given")

        testCase "gaussian (6), rho: Ledoit and Wolf's intensity from sums over all pairs of features"
        <| scoped (fun () ->
            let x = [ [ 1.0; 2.0; -1.0 ]; [ -2.0; 1.0; 0.5 ]; [ 0.5; -1.0; 2.0 ]; [ 0.5; -2.0; -1.5 ] ]
            let n, d = 4.0, 3
            let pairs = List.allPairs [ 0 .. d - 1 ] [ 0 .. d - 1 ]
            let covariance (i, j) = (x |> List.sumBy (fun row -> row[i] * row[j])) / n
            let mean = (Seq.sum [ for i in 0 .. d - 1 -> covariance (i, i) ]) / float d
            let target (i, j) = if i = j then mean else 0.0
            let dispersion = pairs |> List.sumBy (fun pair -> (covariance pair - target pair) ** 2.0)
            let error = x |> List.sumBy (fun row -> pairs |> List.sumBy (fun (i, j) -> (row[i] * row[j] - covariance (i, j)) ** 2.0))
            let expected = min 1.0 (error / (n * n) / dispersion)
            let struct (variances, _) = GaussianEquations.PrincipalComponents(tensor [ 4; 3 ] (List.concat x))
            let norms = tensor [ 4 ] [ for row in x -> row |> List.sumBy (fun v -> v * v) ]
            Expect.floatClose Accuracy.high (GaussianEquations.LedoitWolfShrinkage(variances, norms, 3L)) expected "rho")

        testCase "gaussian (8): in two dimensions the threshold is sqrt(-2 ln FPR)"
        <| fun () ->
            for rate in [ 0.5; 0.05; 1e-3 ] do
                Expect.floatClose Accuracy.high (GaussianEquations.Threshold(2, rate)) (sqrt (-2.0 * log rate)) $"{rate}"

        testCase "gaussian, section IV.A: the components that PCA and NPCA keep"
        <| fun () ->
            let kept compression share =
                let struct (first, count) = GaussianEquations.Retained([| 6.0; 3.0; 0.9; 0.1 |], compression, share)
                first, count

            // Cumulative shares of 0.6, 0.9, 0.99 and 1.
            Expect.equal (kept Compression.Pca 0.95) (0, 3) "PCA 95%"
            Expect.equal (kept Compression.Pca 0.5) (0, 1) "PCA 50%"
            Expect.equal (kept Compression.Npca 0.05) (1, 3) "NPCA 5%: from one before the component that passes 95%"
    ]
