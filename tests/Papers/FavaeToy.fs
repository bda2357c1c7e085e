/// `favae`, section 3 and appendices A to C: the toy data, the VAE that is optimal for it, and the algebra of equations (2), (10), (11) and
/// (16).
module Reproduction.Tests.FavaeToy

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open MathNet.Numerics.Distributions
open TorchSharp
open Reproduction.Analysis
open Repro.Studies
open Reproduction.Metrics
open Reproduction.Papers.Favae

let private values (tensor: torch.Tensor) = tensor.data<float>().ToArray()

/// Normal images, anomalous ones and the same shuffled.
let private samples (distribution: ToyDistribution) count (seed: uint64) =
    use generator = new torch.Generator(seed, torch.CPU)
    let anomalous = distribution.Anomalous(count, generator)
    distribution.Normal(count, generator), anomalous, ToyDistribution.Shuffled(anomalous, generator)

/// How often an anomaly has the lower log probability of the two: 1 where the score agrees with people.
let private auroc (normal: float[]) (anomalous: float[]) =
    let scores = Array.append normal anomalous |> Array.map (fun value -> float32 -value)
    let labels = [| for i in 0 .. scores.Length - 1 -> if i < normal.Length then 0uy else 1uy |]
    Roc.Auroc(scores, labels).Value.Value

/// log of an integral over z, by Simpson's rule on the logarithms of the integrand.
let private logIntegral (low: float) (high: float) (log: float -> float) =
    let steps = 4000
    let width = (high - low) / float steps

    let terms = [|
        for i in 0..steps ->
            log (low + float i * width),
            (if i = 0 || i = steps then 1.0
             elif i % 2 = 1 then 4.0
             else 2.0)
    |]

    let largest = terms |> Array.map fst |> Array.max
    largest + Math.Log(width / 3.0 * (terms |> Array.sumBy (fun (value, weight) -> weight * exp (value - largest))))

let private logNormal mean deviation x = Normal.PDFLn(mean, deviation, x)

/// log p(x|z) + log p(z) of the model in which z is broadcast to all pixels.
let private logJoint deviation (pixels: float[]) z = logNormal 0.0 1.0 z + (pixels |> Array.sumBy (logNormal z deviation))

type private Picture = { Pixels: float[]; Deviation: float }

let private pictures =
    Gen.map3
        (fun background deviation seeds -> {
            Pixels = seeds |> Array.map (fun seed -> background + deviation * Normal.InvCDF(0.0, 1.0, float seed / 1000.0))
            Deviation = deviation
        })
        (Gen.choose (-200, 200) |> Gen.map (fun n -> float n / 100.0))
        (Gen.choose (2, 100) |> Gen.map (fun n -> float n / 100.0))
        (Gen.arrayOfLength 16 (Gen.choose (1, 999)))
    |> Arb.fromGen

let private image (pixels: float[]) =
    let side = int64 (sqrt (float pixels.Length))
    torch.tensor(pixels).reshape(1L, 1L, side, side)

type private Residual = { Value: float; Gamma: float; SigmaA: float; PriorOfAnomaly: float }

let private residuals =
    Gen.map4
        (fun value gamma sigma prior -> {
            Value = float value / 100.0
            Gamma = float gamma / 100.0
            SigmaA = float sigma / 100.0
            PriorOfAnomaly = float prior / 100.0
        })
        (Gen.choose (-400, 400))
        (Gen.choose (5, 100))
        (Gen.choose (5, 300))
        (Gen.choose (1, 99))
    |> Arb.fromGen

[<Tests>]
let tests =
    testSequenced
    <| testList "favae toy" [
        testCase "normal images are white noise on a grey background, anomalies have 5 horizontal stripes, shuffled ones the same pixels"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let normal, anomalous, shuffled = samples ToyDistribution.Exchanged 40 1UL
            let deviations = normal.flatten(1).std(1)
            Expect.isLessThan ((deviations - 0.0570).abs().max().ToDouble()) 0.002 "noise of normal images"
            let backgrounds = values (normal.flatten(1).mean([| 1L |]))
            Expect.isTrue (Array.exists (fun m -> m < -0.5) backgrounds && Array.exists (fun m -> m > 0.5) backgrounds) "backgrounds differ"

            Expect.equal
                ((anomalous - anomalous.narrow (3, 0L, 1L)).abs().max().ToDouble())
                0.0
                "every row of an anomaly has one grey value"

            let profile = anomalous.select(3, 0L).squeeze 1
            let wave = 2.0 * Math.PI * 5.0 * torch.arange (128.0, torch.float64) / 128.0
            let part (basis: torch.Tensor) = (profile * basis).mean([| 1L |], true) * basis * 2.0
            // G sin(w + phi) = G cos phi sin w + G sin phi cos w: phases lie all around, so in every quarter of twice the phase.
            let coefficient (basis: torch.Tensor) = values ((profile * basis).mean [| 1L |])

            Expect.hasLength
                (Array.map2 (fun a b -> a * a > b * b, a * b > 0.0) (coefficient (wave.sin ())) (coefficient (wave.cos ()))
                 |> Array.distinct)
                4
                "phases"

            let left = profile - profile.mean ([| 1L |], true) - part (wave.sin ()) - part (wave.cos ())
            Expect.isLessThan (left.abs().max().ToDouble()) 1e-12 "5 periods of a sine and nothing else"
            Expect.isGreaterThan (profile.std(1).max().ToDouble()) 0.02 "visible ones"
            let sorted (images: torch.Tensor) = let struct (ordered, _) = images.flatten(1).sort(1L) in ordered
            Expect.equal ((sorted shuffled - sorted anomalous).abs().max().ToDouble()) 0.0 "shuffling moves pixels and changes none"
            Expect.isGreaterThan ((shuffled - anomalous).abs().max().ToDouble()) 0.0 "shuffling moves pixels"

        testCase "appendix A: psi = 5 and an integer j give no stripes at all"
        <| fun () ->
            let phase = 0.7

            for j in 0..127 do
                Expect.floatClose Accuracy.high (sin (2.0 * Math.PI * 5.0 * float j + phase)) (sin phase) "the same in every row"

        testCase "appendix A: its condition holds with its two constants exchanged, not as printed"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            let noise (distribution: ToyDistribution) =
                let _, anomalous, _ = samples distribution 300 2UL
                sqrt (anomalous.flatten(1).var(1).mean().ToDouble())

            Expect.isGreaterThan (noise ToyDistribution.AsPrinted) ToyDistribution.AsPrinted.NormalDeviation "as printed"
            Expect.isLessThan (noise ToyDistribution.Exchanged) ToyDistribution.Exchanged.NormalDeviation "exchanged"

        testProperty "(10) is what numerical integration gives"
        <| Prop.forAll pictures (fun picture ->
            use _scope = torch.NewDisposeScope()
            let struct (mean, variance) = OptimalToyVae(picture.Deviation).Posterior(image picture.Pixels)
            let mean = mean.ToDouble()
            let reach = 12.0 * sqrt variance
            let evidence = logIntegral (mean - reach) (mean + reach) (logJoint picture.Deviation picture.Pixels)
            let at z = logJoint picture.Deviation picture.Pixels z - evidence

            for z in [ mean - 2.0 * sqrt variance; mean; mean + sqrt variance ] do
                Expect.floatClose Accuracy.medium (at z) (logNormal mean (sqrt variance) z) "log density")

        testProperty "the log likelihood is the integral over z; the ELBO reaches it with (10) and no other encoder, (9)"
        <| Prop.forAll pictures (fun picture ->
            use _scope = torch.NewDisposeScope()
            let vae, x = OptimalToyVae(picture.Deviation), image picture.Pixels
            let struct (mean, variance) = vae.Posterior x
            let reach = 12.0 * sqrt variance
            let evidence = logIntegral (mean.ToDouble() - reach) (mean.ToDouble() + reach) (logJoint picture.Deviation picture.Pixels)
            let likelihood = vae.LogLikelihood(x).ToDouble()
            Expect.floatClose Accuracy.medium likelihood evidence "log likelihood"
            Expect.floatClose Accuracy.high (vae.Elbo(x, mean, variance).ToDouble()) likelihood "ELBO at the posterior"
            Expect.isLessThan (vae.Elbo(x, mean + 0.1, variance).ToDouble()) likelihood "ELBO at another mean"
            Expect.isLessThan (vae.Elbo(x, mean, 1.5 * variance).ToDouble()) likelihood "ELBO at another variance")

        testProperty "(2) is its literal wording"
        <| Prop.forAll pictures (fun picture ->
            use _scope = torch.NewDisposeScope()
            let vae, x = OptimalToyVae(picture.Deviation), image picture.Pixels
            let struct (mean, _) = vae.Posterior x
            let z = mean.ToDouble()
            let entropy = Normal(0.0, picture.Deviation).Entropy
            let literal = -abs((picture.Pixels |> Array.averageBy (fun value -> logNormal 0.0 picture.Deviation (value - z))) + entropy)
            Expect.isLessThan (abs (vae.Typicality(x).ToDouble() - literal)) 1e-9 "typicality")

        testCase "figure 1b: the perfect VAE finds anomalies likelier than normal images, and shuffling changes nothing"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let distribution = ToyDistribution.Exchanged
            let normal, anomalous, shuffled = samples distribution 200 3UL
            let score images = values (OptimalToyVae(distribution.NormalDeviation).LogLikelihood images)
            Expect.isLessThan (auroc (score normal) (score anomalous)) 0.03 "anomalies lie above normal images"

            Array.iter2
                (fun a b -> Expect.floatClose Accuracy.high a b "invariant to the order of pixels")
                (score anomalous)
                (score shuffled)

        testCase "figure 1b with the constants as printed: half of the anomalies lie below all normal images"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let distribution = ToyDistribution.AsPrinted
            let normal, anomalous, _ = samples distribution 500 4UL
            let score images = values (OptimalToyVae(distribution.NormalDeviation).LogLikelihood images)
            // G^2 / 2 > sigma_n^2, where G^2 / sigma_a^2 is chi squared with one degree of freedom and sigma_a = 2 sigma_n.
            let expected = 1.0 - ChiSquared.CDF(1.0, 0.5)
            Expect.isLessThan (abs (auroc (score normal) (score anomalous) - expected)) 0.06 "share of anomalies below a normal image"

        testCase "figure 1c: typicality rejects anomalies and shuffled anomalies alike"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let distribution = ToyDistribution.Exchanged
            let normal, anomalous, shuffled = samples distribution 200 5UL
            let score images = values (OptimalToyVae(distribution.NormalDeviation).Typicality images)
            Expect.isGreaterThan (auroc (score normal) (score anomalous)) 0.97 "anomalies lie below normal images"

            Array.iter2
                (fun a b -> Expect.isLessThan (abs (a - b)) 1e-9 "invariant to the order of pixels")
                (score anomalous)
                (score shuffled)

        testProperty "(11) from (12) to (15), with 1 for 0.5 and where sigma_a > gamma; where it is not, the sign turns round"
        <| Prop.forAll residuals (fun case ->
            // In logarithms: far from the mean both densities are 0 in double precision.
            let likelihood = Normal.PDFLn(0.0, case.Gamma, case.Value)
            let odds = log (case.PriorOfAnomaly / (1.0 - case.PriorOfAnomaly))
            let ratio = Normal.PDFLn(0.0, case.SigmaA, case.Value) + odds - likelihood
            // Where the two densities, weighted by their priors, intersect: at a residual of +-sqrt t, where t > 0.
            let t = 2.0 * (log (case.SigmaA / case.Gamma) - odds) / (1.0 / (case.Gamma * case.Gamma) - 1.0 / (case.SigmaA * case.SigmaA))
            // Where they do not intersect one class wins everywhere.
            let threshold = if t > 0.0 then Normal.PDFLn(0.0, case.Gamma, sqrt t) else infinity
            let onTheEdge = abs ratio < 1e-9 * (1.0 + abs likelihood)

            if case.SigmaA > case.Gamma && not onTheEdge then
                Expect.equal (ratio > 0.0) (likelihood < threshold) "anomalous below the threshold"
            elif case.SigmaA < case.Gamma && not onTheEdge && t > 0.0 then
                Expect.equal (ratio > 0.0) (likelihood > threshold) "anomalous above the threshold")

        testCase "(11) with the printed 0.5 calls a pixel anomalous that is twice as likely to be normal"
        <| fun () ->
            let ratio = 0.6
            Expect.isLessThan (ratio / (1.0 + ratio)) 0.5 "posterior probability of an anomaly at a ratio between 0.5 and 1"

        testProperty "(16): the negative log of the joint density is -log q_n(x_n) + lambda |x_n - x|_1 and a constant"
        <| Prop.forAll pictures (fun picture ->
            use _scope = torch.NewDisposeScope()
            let lambda = 3.0
            let vae = OptimalToyVae picture.Deviation
            let x = picture.Pixels

            let density (xn: float[]) =
                -vae.LogLikelihood(image xn).ToDouble()
                - (Array.map2 (fun a b -> Laplace.PDFLn(0.0, 1.0 / lambda, a - b)) x xn |> Array.sum)

            let objective (xn: float[]) =
                -vae.LogLikelihood(image xn).ToDouble() + lambda * (Array.map2 (fun a b -> abs (a - b)) x xn |> Array.sum)

            let constant = -float x.Length * log (lambda / 2.0)

            for candidate in [ x; Array.create x.Length (Array.average x); Array.map (fun value -> 0.9 * value) x ] do
                Expect.floatClose Accuracy.medium (density candidate) (objective candidate + constant) "for every x_n")

        testCase "toy-distribution: a histogram holds every image; a pair that ties counts one half"
        <| fun () ->
            let values = [| for i in 0..999 -> float (i * i) |]
            let shares = ToyStudy.histogram 20 values values |> List.map snd
            Expect.hasLength shares 20 "bins"
            Expect.floatClose Accuracy.high (List.sum shares) 100.0 "percent"

            Expect.floatClose
                Accuracy.high
                (ToyStudy.lower [| 1.0; 2.0 |] [| 0.0; 1.0; 3.0 |])
                (3.5 / 6.0)
                "1.5 of the first's three pairs, 2 of the second's"

        testCase "toy-distribution: the report has a row for every score that was run, and its charts"
        <| fun () ->
            let folder = Directory.CreateTempSubdirectory("toy-").FullName

            try
                let header = "constants,distribution,image,log_likelihood,typicality,trained_log_likelihood,trained_typicality,favae"

                let rows = [
                    for constants, later in [ "exchanged", ",5,6,7"; "printed", ",,," ] do
                        for index, distribution in List.indexed [ "normal"; "shuffled"; "anomaly" ] do
                            for image in 0..10 -> $"{constants},{distribution},{image},{100 * index + image},{-index - image}{later}"
                ]

                File.WriteAllLines(Path.Combine(folder, "scores.csv"), header :: rows)
                let results = ToyStudy.read folder
                let table = ToyStudy.table results
                Expect.equal (table |> List.countBy List.head) [ "constants", 1; "exchanged", 5; "printed", 2 ] "rows"

                Expect.equal
                    table[1]
                    [ "exchanged"; "log likelihood, optimal VAE"; "5.000"; "105"; "205"; "0.0"; "0.0"; "0.0" ]
                    "medians and shares"

                Expect.hasLength (ToyStudy.figures results) 5 "charts"
                Expect.throwsT<AnalysisError> (fun () -> ToyStudy.read (Path.Combine(folder, "elsewhere")) |> ignore) "no scores"
            finally
                Directory.Delete(folder, true)

        testCase "figure 1: the committed scores of the trained FAVAE rank the three as people do"
        <| fun () ->
            let results = ToyStudy.read (Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "results", "favae", "toy"))
            let exchanged = results["exchanged"]
            let below first second = ToyStudy.lower exchanged["favae", first] exchanged["favae", second]
            Expect.isGreaterThan (below "normal" "anomaly") (below "normal" "shuffled") "anomalies are found more often than shuffled ones"
            Expect.isGreaterThan (below "normal" "anomaly") 0.9 "anomalies lie below normal images"
            Expect.isGreaterThan (below "shuffled" "anomaly") 0.5 "anomalies lie below shuffled ones"
    ]
