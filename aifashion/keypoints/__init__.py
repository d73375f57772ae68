"""Where: the keypoints of a garment.

The batch every keypoint network trains and predicts on; it speaks garment, not network, so no
heat map, stride or sigma is in it.

    inputs   image          (B, H, W, 3)  uint8    RGB, the garment's box or all of the picture,
                                             fitted onto grey 128
             keypoint_mask  (B, K)        float32  1 for the keypoints the garment's category has
    targets  keypoints      (B, K, 2)     float32  (x, y) in pixels of `image`, centres at +0.5
             visibility     (B, K)        int32    0 absent, 1 occluded, 2 visible
    both     record         (B,)          int64    row of the dataset, -1 where a batch is filled up
             seed           (B,)          int32    the sample's own randomness on the device
    notes    to_input       (B, 2, 3)     float32  from the picture's pixels to `image`'s
             size           (B, 2)        int32    width, height of the picture
"""
