// ssae, section 4.2: figure 9 (how near a trained model is to an orthogonal projection) and figure 8 (marginal moments of the pixels).
#load "analysis.fsx"

Analysis.orthogonality ()
