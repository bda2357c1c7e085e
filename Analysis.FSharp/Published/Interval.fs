namespace Reproduction.Analysis

open System
open MathNet.Numerics.Distributions

/// What a 95 % interval tells the uncertainty over.
type IntervalOf =
    /// Test images: a bootstrap of them.
    | OverImages
    /// Seeds or folds: Student's t.
    | OverRepetitions

type Interval = { Low: float; High: float; Of: IntervalOf }

/// 95 % intervals of measured numbers.
module Interval =
    let resamples = 1000

    /// One repetition's scores in ascending order, its images as places in the category's list.
    type private Ranked = { Places: int[]; Scores: float[]; IsAnomalous: bool[] }

    let private ranked (place: string -> int) (scores: ImageScore list) =
        let sorted = scores |> List.sortBy _.Score |> Array.ofList

        {
            Places = sorted |> Array.map (fun score -> place score.Image)
            Scores = sorted |> Array.map _.Score
            IsAnomalous = sorted |> Array.map _.IsAnomalous
        }

    /// AUROC with each image counted as often as it was drawn; ties count one half. NaN where a class was not drawn.
    let private weighted (drawn: int[]) (scores: Ranked) =
        let mutable good, anomalous, won = 0L, 0L, 0.0
        let mutable i = 0

        while i < scores.Places.Length do
            let mutable goodHere, anomalousHere = 0L, 0L
            let score = scores.Scores[i]

            while i < scores.Places.Length && scores.Scores[i] = score do
                let count = int64 drawn[scores.Places[i]]
                if scores.IsAnomalous[i] then anomalousHere <- anomalousHere + count else goodHere <- goodHere + count
                i <- i + 1

            won <- won + float anomalousHere * (float good + 0.5 * float goodHere)
            good <- good + goodHere
            anomalous <- anomalous + anomalousHere

        if good = 0L || anomalous = 0L then nan else won / (float good * float anomalous)

    /// resamples values of the mean AUROC over a category's repetitions, its good and its defective images drawn anew each time, the same
    /// ones for all repetitions.
    let private resampled (seed: int) (repetitions: ImageScore list list) =
        let images = repetitions |> List.concat |> List.distinctBy _.Image |> Array.ofList
        let places = images |> Array.mapi (fun place image -> image.Image, place) |> dict
        let scores = repetitions |> List.map (ranked (fun image -> places[image])) |> Array.ofList

        let classes = [|
            for isAnomalous in [ false; true ] ->
                [|
                    for place, image in Seq.indexed images do
                        if image.IsAnomalous = isAnomalous then place
                |]
        |]

        let random = Random seed
        let drawn = Array.zeroCreate images.Length

        Array.init resamples (fun _ ->
            Array.Clear drawn

            for places in classes do
                for _ in places do
                    let place = places[random.Next places.Length]
                    drawn[place] <- drawn[place] + 1

            scores |> Array.averageBy (weighted drawn))

    let private percentile (sorted: float[]) share =
        let at = share * float (sorted.Length - 1)
        let below = int at
        let above = min (below + 1) (sorted.Length - 1)
        sorted[below] + (at - float below) * (sorted[above] - sorted[below])

    /// Of the mean image AUROC over categories (of one: of its AUROC), each with the scores of its repetitions: 2.5th to 97.5th percentile
    /// of a bootstrap over images. None where a repetition has no scores, or not both kinds of images.
    let overImages (categories: ImageScore list list list) : Interval option =
        let both (scores: ImageScore list) = scores |> List.exists _.IsAnomalous && scores |> List.exists (_.IsAnomalous >> not)

        if
            categories.IsEmpty
            || not (categories |> List.forall (fun repetitions -> not repetitions.IsEmpty && List.forall both repetitions))
        then
            None
        else
            // Categories are drawn independently.
            let perCategory = categories |> List.mapi resampled

            let sorted =
                Array.init resamples (fun i -> perCategory |> List.averageBy (fun values -> values[i]))
                |> Array.filter Double.IsFinite
                |> Array.sort

            if sorted.Length < resamples / 2 then
                None
            else
                Some { Low = percentile sorted 0.025; High = percentile sorted 0.975; Of = OverImages }

    /// Of the mean over seeds or folds, by Student's t. None for fewer than two.
    let overRepetitions (values: float list) : Interval option =
        let summary = Statistics.summarise values

        if summary.Count < 2 then
            None
        else
            let t = StudentT.InvCDF(0.0, 1.0, float (summary.Count - 1), 0.975)

            Some {
                Low = summary.Mean - t * summary.StandardError
                High = summary.Mean + t * summary.StandardError
                Of = OverRepetitions
            }

    /// Of a measured number: over images where it is the image AUROC of cells with scores, otherwise over seeds or folds where there are
    /// two.
    let ofMeasured (scores: RunRecord -> ImageScore list) (metric: string) (measured: Measured) : Interval option =
        let categories = measured.Records |> List.groupBy _.Category |> List.map snd

        let images = if metric = "image_auroc" then categories |> List.map (List.map scores) |> overImages else None

        let repetitions () =
            let values =
                categories
                |> List.map (fun cells ->
                    Map.ofList [
                        for cell in cells do
                            match cell.Metrics.TryFind metric with
                            | Some value -> cell.Repetition, value
                            | None -> ()
                    ])

            let shared = values |> List.map (Map.keys >> set) |> Set.intersectMany
            overRepetitions [ for repetition in shared -> values |> List.averageBy (Map.find repetition) ]

        images |> Option.orElseWith repetitions
