/// `favae`, appendices B and C: equation (9) as an identity, the approximations of (13) to (15), and the last lines of (16).
module Reproduction.Tests.FavaeIdentities

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open MathNet.Numerics.Distributions
open TorchSharp
open Reproduction.Papers.Favae

let private values (tensor: torch.Tensor) = tensor.data<float>().ToArray()

/// An image of the toy data, and an encoder's answer for it: any normal distribution.
type private Encoded = { Background: float; Deviation: float; Seed: int; Mean: float; Variance: float }

let private encoded =
    Gen.map5
        (fun background deviation seed mean variance -> {
            Background = float background / 100.0
            Deviation = deviation
            Seed = seed
            Mean = float mean / 100.0
            Variance = float variance / 50.0
        })
        (Gen.choose (-200, 200))
        (Gen.elements [ 0.0285; 0.057; 0.4; 1.0 ])
        (Gen.choose (0, 10000))
        (Gen.choose (-200, 200))
        (Gen.choose (1, 100))
    |> Arb.fromGen

let private image case =
    use generator = new torch.Generator(uint64 case.Seed, torch.CPU)
    torch.randn ([| 1L; 1L; 4L; 5L |], dtype = torch.float64, generator = generator) * case.Deviation + case.Background

/// KL(N(m, v) | N(n, w)).
let private divergence (m: float, v: float) (n: float, w: float) = 0.5 * (log (w / v) + (v + (m - n) ** 2.0) / w - 1.0)

/// An integral over a normal density, by Simpson's rule on eight deviations.
let private expectation mean deviation (f: float -> float) =
    let steps = 2000
    let width = 16.0 * deviation / float steps

    Seq.sum (
        seq {
            for i in 0..steps do
                let z = mean - 8.0 * deviation + float i * width

                let weight =
                    if i = 0 || i = steps then 1.0
                    elif i % 2 = 1 then 4.0
                    else 2.0

                weight * width / 3.0 * Normal.PDF(mean, deviation, z) * f z
        }
    )

[<Tests>]
let tests =
    testList "favae identities" [
        testProperty "(9): the ELBO is log p(x) less the divergence of any encoder's answer from the posterior"
        <| Prop.forAll encoded (fun case ->
            use _scope = torch.NewDisposeScope()
            let vae = OptimalToyVae case.Deviation
            let x = image case
            let struct (mean, variance) = vae.Posterior x
            let elbo = (values (vae.Elbo(x, torch.tensor ([| case.Mean |], dtype = torch.float64), case.Variance)))[0]
            let apart = divergence (case.Mean, case.Variance) ((values mean)[0], variance)
            let evidence = (values (vae.LogLikelihood x))[0]
            Expect.floatClose { absolute = 1e-6; relative = 1e-9 } elbo (evidence - apart) "one image: (9) is its mean over q_n")

        testCase "(9): over q_n the mean of log p(x) is minus the entropy, as p(x) is q_n(x)"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use generator = new torch.Generator(3UL, torch.CPU)
            let deviation = 0.3
            let d = 6.0
            let shape size = Array.map int64 [| 40000; 1; 2; size |]

            let x =
                torch.randn ([| 40000L; 1L; 1L; 1L |], dtype = torch.float64, generator = generator)
                + torch.randn (shape 3, dtype = torch.float64, generator = generator) * deviation

            // The entropy of N(0, s^2 I + 1 1^T) in d dimensions.
            let entropy = 0.5 * (d * (1.0 + log (2.0 * Math.PI)) + (d - 1.0) * log (deviation ** 2.0) + log (deviation ** 2.0 + d))
            let mean = Array.average (values (OptimalToyVae(deviation).LogLikelihood x))
            Expect.floatClose { absolute = 0.05; relative = 0.0 } mean -entropy "E log p(x)"

        testCase "(13), (14): the narrower the encoder's answer, the nearer a class's posterior is to the one at its mean"
        <| fun () ->
            // p(a|x,z) of one pixel, of (12) and of p(x|z), both classes as likely.
            let gamma, sigma, x, mean = 0.5, 1.5, 1.3, 0.2

            let anomalous z =
                let a, n = Normal.PDF(z, sigma, x), Normal.PDF(z, gamma, x)
                a / (a + n)

            let errors posterior = [ for width in [ 0.4; 0.2; 0.1; 0.05 ] -> abs (expectation mean width posterior - posterior mean) ]

            for posterior in [ anomalous; (fun z -> 1.0 - anomalous z) ] do
                // The error is of second order: half the width, a quarter of it.
                for wide, narrow in List.pairwise (errors posterior) do
                    Expect.isTrue (wide / narrow > 2.5 && wide / narrow < 6.0) $"{wide} to {narrow}"

                Expect.isLessThan (List.last (errors posterior)) 2e-3 "at a width of 0.05"

        testCase "(15): the ratio of the posteriors is that of the densities times the classes' shares"
        <| fun () ->
            let gamma, sigma, share = 0.5, 1.5, 0.1

            for x in [ -2.0; -0.7; 0.0; 0.4; 1.9 ] do
                let a, n = Normal.PDF(0.2, sigma, x) * share, Normal.PDF(0.2, gamma, x) * (1.0 - share)
                let posterior = a / (a + n)
                Expect.floatClose Accuracy.high (posterior / (1.0 - posterior)) (a / n) "C"

            // Both densities have the same mean: the ratio is 1 at two points symmetric about it, between them it is below.
            let ratio x = Normal.PDF(0.0, sigma, x) / Normal.PDF(0.0, gamma, x)
            let edge = sqrt (2.0 * log (sigma / gamma) / (1.0 / gamma ** 2.0 - 1.0 / sigma ** 2.0))
            Expect.floatClose Accuracy.high (ratio edge) 1.0 "one side"
            Expect.floatClose Accuracy.high (ratio -edge) 1.0 "the other"
            Expect.isTrue (ratio (0.9 * edge) < 1.0 && ratio (1.1 * edge) > 1.0) "(11)"

        testProperty "(16), its fourth line: with a tight ELBO it is exact, and K = -d log(lambda / 2)"
        <| Prop.forAll encoded (fun case ->
            use _scope = torch.NewDisposeScope()
            let vae = OptimalToyVae case.Deviation
            let normal = image case
            let test = image { case with Seed = case.Seed + 1 }
            let lambda = case.Variance + 0.1
            let struct (mean, variance) = vae.Posterior normal
            let tight = (values (vae.Elbo(normal, mean, variance)))[0]
            let distance = (normal - test).abs().sum().ToDouble()
            // Lap(0, 1/lambda) has the density lambda/2 exp(-lambda |e|).
            let laplace = values (((normal - test).abs() * -lambda + log (lambda / 2.0)).flatten()) |> Array.sum
            let joint = -(values (vae.LogLikelihood normal))[0] - laplace
            let constant = -20.0 * log (lambda / 2.0)

            Expect.floatClose
                { absolute = 1e-6; relative = 1e-9 }
                joint
                (-tight + lambda * distance + constant)
                "the first and the fourth line")

        testCase "(16), its last line: L_r leaves out a divergence that depends on x_n, so that its K is none"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let vae = OptimalToyVae 0.3

            let left background =
                let x = image { Background = background; Deviation = 0.3; Seed = 1; Mean = 0.0; Variance = 1.0 }
                let struct (mean, variance) = vae.Posterior x
                let m = (values mean)[0]
                // The reconstruction loss alone: minus the expected log density.
                let squares = (x - m).square().sum().ToDouble() + 20.0 * variance
                let reconstruction = 0.5 * (squares / 0.09 + 20.0 * log (2.0 * Math.PI * 0.09))
                let difference = -(values (vae.Elbo(x, mean, variance)))[0] - reconstruction
                Expect.floatClose Accuracy.medium difference (divergence (m, variance) (0.0, 1.0)) "what L_r leaves out is the KL term"
                difference

            Expect.isGreaterThan (left 2.0 - left 0.0) 1.0 "it is no constant"
    ]
