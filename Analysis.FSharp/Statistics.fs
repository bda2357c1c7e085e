namespace Reproduction.Analysis

open System
open Deedle
open MathNet.Numerics.Distributions

/// Mean and spread of repeated measurements.
type Summary = {
    Mean: float
    /// Sample standard deviation (n - 1); NaN for a single value.
    Deviation: float
    Count: int
} with

    /// Standard error of the mean; NaN for a single value.
    member this.StandardError = this.Deviation / sqrt (float this.Count)

/// What a spread is of.
type SpreadKind =
    /// The standard deviation over seeds or folds.
    | Deviation
    /// The standard error of a mean.
    | ErrorOfMean

/// How far repetitions of a measurement, or of a mean of measurements, lie apart.
type Spread = { Size: float; Kind: SpreadKind }

/// The difference of two correlated AUROCs.
type PairedAuroc = {
    First: float
    Second: float
    /// Standard error of First - Second.
    StandardError: float
    /// Two-sided.
    PValue: float
}

module Statistics =
    let ofSeries (series: Series<'K, float>) = { Mean = Stats.mean series; Deviation = Stats.stdDev series; Count = Stats.count series }

    let summarise (values: float list) = Series([ 0 .. values.Length - 1 ], values) |> ofSeries

    /// The standard error over repetitions of a mean over several cells: each cell's values by repetition. None where fewer than two
    /// repetitions ran in all cells.
    let errorOfMean (cells: Map<string, float> list) =
        let shared = cells |> List.map (fun cell -> cell |> Map.toList |> List.map fst |> set) |> Set.intersectMany

        if shared.Count < 2 then
            None
        else
            let means = [ for repetition in shared -> cells |> List.averageBy (Map.find repetition) ]
            Some { Size = (summarise means).StandardError; Kind = ErrorOfMean }

    /// The spread of one cell's repetitions, as a deviation or as the error of their mean. None for fewer than two.
    let spreadOf kind (values: float list) =
        let summary = summarise values

        if summary.Count < 2 then
            None
        else
            Some { Size = (if kind = ErrorOfMean then summary.StandardError else summary.Deviation); Kind = kind }

    /// Mean over seeds or folds for each (paper, variant, dataset, category, profile, metric) of RunRecord.toFrame.
    let overRepetitions (frame: Frame<int, string>) =
        let keys = [ "Paper"; "Variant"; "Dataset"; "Category"; "Profile"; "Metric" ]

        if Frame.countRows frame = 0 then
            []
        else
            let grouped = Frame.aggregateRowsBy keys [ "Value" ] (ofSeries: Series<int, float> -> Summary) frame

            [
                for row in grouped.Rows.Values ->
                    {|
                        Paper = row.GetAs<string> "Paper"
                        Variant = row.GetAs<string> "Variant"
                        Dataset = row.GetAs<string> "Dataset"
                        Category = row.GetAs<string> "Category"
                        Profile = row.GetAs<string> "Profile"
                        Metric = row.GetAs<string> "Metric"
                        Summary = row.GetAs<Summary> "Value"
                    |}
            ]

    let private twoSided z = 2.0 * Normal.CDF(0.0, 1.0, -(abs z))

    /// For each score the share of the reference scores below it, ties counting one half.
    let private shareBelow (reference: float[]) =
        let ordered = Array.sort reference

        // Number of references below a value, or up to it, by bisection.
        let count includeEqual value =
            let rec search low high =
                if low = high then
                    low
                else
                    let middle = (low + high) / 2

                    if ordered[middle] < value || includeEqual && ordered[middle] = value then
                        search (middle + 1) high
                    else
                        search low middle

            float (search 0 ordered.Length)

        fun score -> 0.5 * (count false score + count true score) / float ordered.Length

    /// Area under the ROC curve; ties count one half. NaN unless both classes are there.
    let auroc (anomalous: float[]) (normal: float[]) =
        if anomalous.Length = 0 || normal.Length = 0 then nan else Array.averageBy (shareBelow normal) anomalous

    let private covariance (a: float[]) (b: float[]) =
        let meanA, meanB = Array.average a, Array.average b
        (Array.map2 (fun x y -> (x - meanA) * (y - meanB)) a b |> Array.sum) / float (a.Length - 1)

    /// DeLong's test of two AUROCs on the same images (DeLong, DeLong & Clarke-Pearson 1988).
    /// Each score list pairs (first method, second method) of one image. None unless both classes have two images or more.
    let deLong (anomalous: (float * float)[]) (normal: (float * float)[]) : PairedAuroc option =
        if anomalous.Length < 2 || normal.Length < 2 then
            None
        else
            // Structural components: each image's share in the AUROC.
            let components scores =
                let positives, negatives = Array.map scores anomalous, Array.map scores normal
                let below, above = shareBelow negatives, shareBelow positives
                auroc positives negatives, Array.map below positives, Array.map (fun score -> 1.0 - above score) negatives

            let first, firstPositives, firstNegatives = components fst
            let second, secondPositives, secondNegatives = components snd

            let variance (a: float[]) (b: float[]) count = (covariance a a + covariance b b - 2.0 * covariance a b) / float count

            let error =
                sqrt (variance firstPositives secondPositives anomalous.Length + variance firstNegatives secondNegatives normal.Length)

            Some {
                First = first
                Second = second
                StandardError = error
                PValue = if error = 0.0 then (if first = second then 1.0 else 0.0) else twoSided ((first - second) / error)
            }

    /// Two-sided paired t-test of equal means. None for fewer than two pairs.
    let pairedT (pairs: (float * float) list) =
        let differences = summarise (pairs |> List.map (fun (a, b) -> a - b))

        if pairs.Length < 2 then
            None
        elif differences.Deviation = 0.0 then
            Some(if differences.Mean = 0.0 then 1.0 else 0.0)
        else
            let t = differences.Mean / differences.StandardError
            Some(2.0 * StudentT.CDF(0.0, 1.0, float (pairs.Length - 1), -(abs t)))
